package rules

import "errors"

// An automaton finds words in a text in one pass, ASCII case ignored
// (Aho and Corasick, 1975).
type automaton struct {
	next  [][64]int16 // state → class of byte → state
	class [256]uint8  // bytes that no word has share class 0
	ends  [][]int     // words that end in a state
	words []string
}

func newAutomaton(words []string) (*automaton, error) {
	a := &automaton{words: words}
	classes := 1
	for _, w := range words {
		for i := range len(w) {
			if c := w[i]; a.class[c] == 0 {
				a.class[c] = uint8(classes)
				if c >= 'a' && c <= 'z' {
					a.class[c-32] = uint8(classes)
				}
				classes++
			}
		}
	}
	if classes > 64 {
		return nil, errors.New("the keywords have too many different bytes")
	}
	a.next, a.ends = make([][64]int16, 1), make([][]int, 1)
	for n, w := range words {
		state := 0
		for i := range len(w) {
			to := &a.next[state][a.class[w[i]]]
			if *to == 0 {
				*to = int16(len(a.next))
				state = len(a.next)
				a.next, a.ends = append(a.next, [64]int16{}), append(a.ends, nil)
				continue
			}
			state = int(*to)
		}
		a.ends[state] = append(a.ends[state], n)
	}
	fail := make([]int16, len(a.next))
	queue := []int16{}
	for _, to := range a.next[0] {
		if to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		a.ends[state] = append(a.ends[state], a.ends[fail[state]]...)
		for class := range a.next[state] {
			to := a.next[state][class]
			if to == 0 {
				a.next[state][class] = a.next[fail[state]][class]
				continue
			}
			fail[to] = a.next[fail[state]][class]
			queue = append(queue, to)
		}
	}
	return a, nil
}

// each calls f with the number of each word found and the position after it.
func (a *automaton) each(s string, f func(word, end int)) {
	state := int16(0)
	for i := range len(s) {
		state = a.next[state][a.class[s[i]]]
		for _, n := range a.ends[state] {
			f(n, i+1)
		}
	}
}
