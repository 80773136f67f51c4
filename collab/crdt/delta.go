package crdt

import (
	"iter"
	"slices"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// Op is one insertion of a delta: a string, an embedded value or a Type, and the
// formats that it has, nil if none, in the order in which they began. Ops may
// share their Attributes, which must not be changed.
type Op struct {
	Insert     any
	Attributes lib0.Object
}

// Delta gives the type's list as Y.Text.toDelta does: strings between formats,
// embeds and nested types. Where a document made for it would multiply its formats
// beyond a bound (16 MiB, and more the longer the text is), they are left out from
// there on.
func (t Type) Delta() []Op { return slices.Collect(t.ops(newBudget())) }

// ops gives the operations of Delta one by one.
func (t Type) ops(budget *budget) iter.Seq[Op] {
	return func(yield func(Op) bool) {
		f := formats{budget: budget}
		var text []byte
		more := true
		flush := func() {
			if len(text) > 0 {
				more = yield(Op{Insert: string(text), Attributes: f.attributes()})
				text = text[:0]
			}
		}
		for i := t.start(); i != 0 && more; {
			it := t.doc.item(i)
			if !it.isDeleted() {
				switch it.kind() {
				case contentString:
					if f.has(ychange) {
						flush()
						f.set(ychange, nil)
					}
					s := t.doc.body(it)
					budget.earn(len(s))
					text = append(text, s...)
				case contentType, contentEmbed:
					if flush(); more {
						more = yield(Op{Insert: t.doc.single(i), Attributes: f.attributes()})
					}
				case contentFormat:
					flush()
					f.apply(t.doc.body(it))
				}
			}
			i = it.right
		}
		if more {
			flush()
		}
	}
}

// ychange is the format by which toDelta marks who changed what between two
// snapshots. It ends at the next string, whoever made it.
const ychange = "ychange"

// budget bounds what reading makes of formats: each stretch of text repeats all
// that apply to it, so a document of n bytes could become n² of them.
type budget struct {
	left  int
	broke bool
}

const (
	budgetBase   = 16 << 20
	budgetPerKey = 64 // what one attribute of an Op takes, about
)

func newBudget() *budget { return &budget{left: budgetBase} }

// earn adds what a document's own bytes are good for.
func (b *budget) earn(n int) { b.left += 384 + 16*n }

// spend says whether n bytes are left, and takes them. Once they were not, nothing
// is ever left: else the work that came before would be done again and again.
func (b *budget) spend(n int) bool {
	if b.left < n || b.broke {
		b.broke = true
		return false
	}
	b.left -= n
	return true
}

// formats is what applies at a place of a text: Yjs's currentAttributes, in the
// order in which its Map has them.
type formats struct {
	list   []format
	at     map[string]int // in list
	holes  int            // ended formats in list
	budget *budget

	made  lib0.Object // what attributes gives, if fresh
	fresh bool
}

type format struct {
	key   string
	value any
	ended bool
}

func (f *formats) has(key string) bool {
	_, ok := f.at[key]
	return ok
}

// apply reads a ContentFormat.
func (f *formats) apply(body []byte) {
	f.budget.earn(len(body))
	c := cursor{b: body}
	key := c.varBytes()
	f.set(string(key), parseJSON(c.varBytes()))
}

// set begins a format, changes its value or, with nil, ends it.
func (f *formats) set(key string, value any) {
	f.fresh = false
	i, ok := f.at[key]
	switch {
	case ok && value != nil:
		f.list[i].value = value
	case ok:
		f.list[i] = format{ended: true}
		delete(f.at, key)
		if f.holes++; f.holes > 8 && f.holes > len(f.list)/2 {
			f.compact()
		}
	case value != nil:
		if f.at == nil {
			f.at = make(map[string]int)
		}
		f.at[key] = len(f.list)
		f.list = append(f.list, format{key: key, value: value})
	}
}

// compact takes ended formats out of the list.
func (f *formats) compact() {
	kept := f.list[:0]
	for _, e := range f.list {
		if !e.ended {
			f.at[e.key] = len(kept)
			kept = append(kept, e)
		}
	}
	clear(f.list[len(kept):])
	f.list, f.holes = kept, 0
}

// attributes gives what applies as an object, nil if nothing does.
func (f *formats) attributes() lib0.Object {
	if f.fresh {
		return f.made
	}
	f.made, f.fresh = nil, true
	if len(f.at) == 0 || !f.budget.spend(budgetPerKey*len(f.at)) {
		return nil
	}
	f.made = make(lib0.Object, 0, len(f.at))
	for _, e := range f.list {
		if !e.ended && e.key != prototypeKey {
			f.made = append(f.made, lib0.Member{Key: e.key, Value: e.value})
		}
	}
	return f.made
}
