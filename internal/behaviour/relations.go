package behaviour

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/repaird/repaird/internal/language"
	"github.com/repaird/repaird/internal/text"
)

// maxRelations limits the relations that are sought among an answer's numbers.
const maxRelations = 40

var (
	digits = regexp.MustCompile(`[0-9]+`)
	item   = regexp.MustCompile(`\[([0-9]+)\]`)
)

// numbers are what an answer says in numbers, by name: how many items its lists
// have, and the numbers within the texts of their first and last items.
func numbers(a language.Answer) map[string]string {
	found, last := map[string]string{}, map[string]int{}
	for _, p := range a.Parts {
		for _, at := range item.FindAllStringSubmatchIndex(p.Path, -1) {
			list := index.ReplaceAllString(p.Path[:at[0]], "[]")
			n, _ := strconv.Atoi(p.Path[at[2]:at[3]])
			last[list] = max(last[list], n+1)
		}
	}
	for _, list := range slices.Sorted(maps.Keys(last)) {
		if len(found) == maxRelations/2 {
			break
		}
		n := last[list]
		found["the number of items of "+list+"[]"] = strconv.Itoa(n)
	}
	for _, p := range a.Parts {
		place := p.Path
		if at := item.FindStringSubmatchIndex(place); at != nil {
			list := index.ReplaceAllString(place[:at[0]], "[]")
			n, _ := strconv.Atoi(place[at[2]:at[3]])
			switch n {
			case last[list] - 1:
				place = place[:at[0]] + "[last]" + place[at[1]:]
			case 0:
				place = place[:at[0]] + "[first]" + place[at[1]:]
			default:
				continue
			}
		}
		for i, d := range digits.FindAllString(p.Text, 4) {
			if len(found) < maxRelations {
				found[fmt.Sprintf("number %d of %s", i+1, place)] = strings.TrimLeft(d, "0")
			}
		}
	}
	return found
}

// relations: numbers that are equal in base's answers are equal in the
// failing call's. A label that counts the pages of a list shows here
// when it no longer does.
func (c *comparison) relations() *Ground {
	known, enough := c.answers()
	if !enough || c.Asserted {
		return nil
	}
	var all []map[string]string
	for _, p := range known {
		all = append(all, numbers(p.base))
	}
	if p := c.pairs[0]; Answered(p.head) {
		own := numbers(p.head)
		names := slices.Sorted(maps.Keys(own))
		for i, a := range names {
			for _, b := range names[i+1:] {
				if own[a] == own[b] {
					continue
				}
				if n := equal(all, a, b); n > 0 {
					return &Ground{"relations", Lowers, fmt.Sprintf("in %s of base, %s is %s; not so in the answer that the patch adds",
						text.Count(n, "answer"), a, b), []Difference{p.difference()}}
				}
			}
		}
	}
	return nil
}

// equal counts the answers in which two numbers are equal, if that is so in nine
// of ten that have both, with at least three different values; 0 otherwise. An
// input with numbers in its texts moves the places of others.
func equal(all []map[string]string, a, b string) int {
	n, other, values := 0, 0, map[string]bool{}
	for _, numbers := range all {
		x, hasX := numbers[a]
		y, hasY := numbers[b]
		if !hasX || !hasY {
			continue
		}
		if x != y {
			other++
			continue
		}
		values[x] = true
		n++
	}
	if n < enoughDistinct || other > n/10 || len(values) < 3 {
		return 0
	}
	return n
}
