import unittest


def reached(word):
    return word + "!"


class LastTest(unittest.TestCase):
    def test_is_traced(self):
        self.assertEqual(reached("end"), "end!")
