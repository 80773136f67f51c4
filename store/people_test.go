package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/bizsync/bizsync/store"
)

func TestPeopleSearch(t *testing.T) {
	people := []struct{ email, name string }{
		{"ann@example.org", "Ann Smith"},
		{"j.smith@example.org", "Jean-Luc Smith"},
		{"smith@example.org", "Zoe"},
		{"obrien@example.org", "Miles O'Brien"},
		{"kim@example.kr", "김 민수"},
		{"wasmith@example.org", "Goldsmith"},
		{"e@example.org", "Émile Zola"},
		{" Spaced@Example.org ", "x"},
	}
	for query, want := range map[string][]int{
		"":                    nil,
		"   ":                 nil,
		"smith":               {2, 0, 1}, // an email that begins so before later words of names
		"smith@example.org":   {2},
		"ANN":                 {0},
		"luc":                 {1},
		"jean-l":              {1},
		"ann sm":              {0},
		"nn":                  nil,
		"o'b":                 {3},
		"brien":               {3},
		"민":                   {4},
		"김":                   {4},
		"수":                   nil,
		"É":                   {6},
		"é":                   {6},
		"e":                   {6}, // é is another letter
		"z":                   {2, 6},
		"spaced@example.org":  {7},
		"  SPACED@EXAMPLE.OR": {7},
		"%":                   nil,
		"@example":            nil,
	} {
		s := store.NewPeopleSearch(query, 10)
		for i, p := range people {
			s.Add(uuid.UUID{byte(i + 1)}, p.email, p.name)
		}
		var got []int
		for _, id := range s.Found() {
			got = append(got, int(id[0])-1)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %v, want %v", query, got, want)
		}
	}
	for limit, want := range map[int]int{-1: 0, 0: 0, 1: 1, 7: 7, 20: 20, 1000: store.MaxPeople} {
		s := store.NewPeopleSearch("a", limit)
		for i := range 100 {
			s.Add(uuid.New(), fmt.Sprintf("a%d@example.org", i), "")
		}
		if n := len(s.Found()); n != want {
			t.Errorf("a limit of %d finds %d", limit, n)
		}
	}
}

// TestPeopleSearchOrder: whoever is found is the same whatever order they are shown in, and no one who matches better was left out.
func TestPeopleSearchOrder(t *testing.T) {
	type person struct {
		id          uuid.UUID
		email, name string
	}
	text := rapid.StringOfN(rapid.SampledFrom([]rune("abÄ -é김")), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		people := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) person {
			return person{uuid.New(), text.Draw(t, "email"), text.Draw(t, "name")}
		}), 0, 40).Draw(t, "people")
		query, limit := text.Draw(t, "query"), rapid.IntRange(0, store.MaxPeople).Draw(t, "limit")
		find := func(limit int) []uuid.UUID {
			s := store.NewPeopleSearch(query, limit)
			for _, p := range people {
				s.Add(p.id, p.email, p.name)
			}
			return s.Found()
		}
		all, some := find(store.MaxPeople), find(limit)
		slices.SortFunc(people, func(a, b person) int { return cmp.Compare(a.id.String(), b.id.String()) })
		if again := find(store.MaxPeople); !slices.Equal(again, all) {
			t.Fatalf("shown in another order: %v, before %v", again, all)
		}
		if !slices.Equal(some, all[:min(limit, len(all))]) {
			t.Fatalf("%d of them: %v, all are %v", limit, some, all)
		}
		q := strings.ToLower(strings.TrimSpace(query))
		for _, p := range people {
			prefix := q != "" && (strings.HasPrefix(strings.ToLower(p.name), q) || strings.HasPrefix(strings.ToLower(strings.TrimSpace(p.email)), q))
			if prefix && len(all) < store.MaxPeople && !slices.Contains(all, p.id) {
				t.Fatalf("%q does not find %+v", query, p)
			}
		}
	})
}
