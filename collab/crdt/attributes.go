package crdt

import (
	"slices"
	"strconv"

	"github.com/bizsync/bizsync/collab/crdt/lib0"
)

// attributes are formats in force, or to be brought into force, in the order of
// the JavaScript Map or object that Yjs keeps them in: the order in which format
// items are made. The value nil says that a format ends.
type attributes []attribute

type attribute struct {
	key   string
	value any
	// The item that the value was read from, 0 for a caller's. JavaScript compares
	// objects within objects by identity, so it matters where one comes from.
	source uint32
}

func (a attributes) clone() attributes { return slices.Clone(a) }

// get gives the attribute of a key; its value is nil if there is none.
func (a attributes) get(key string) (attribute, bool) {
	for i := range a {
		if a[i].key == key {
			return a[i], true
		}
	}
	return attribute{key: key}, false
}

// set sets an attribute, in the place where that key is already or at the end.
func (a *attributes) set(v attribute) {
	for i := range *a {
		if (*a)[i].key == v.key {
			(*a)[i] = v
			return
		}
	}
	*a = append(*a, v)
}

func (a *attributes) remove(key string) {
	*a = slices.DeleteFunc(*a, func(v attribute) bool { return v.key == key })
}

// update is Yjs's updateCurrentAttributes.
func (a *attributes) update(v attribute) {
	if v.value == nil {
		a.remove(v.key)
	} else {
		a.set(v)
	}
}

// setProperty sets an attribute as a property of a JavaScript object, whose keys
// that are array indexes come first, in ascending order.
func (a *attributes) setProperty(v attribute) {
	n, ok := indexKey(v.key)
	if _, known := a.get(v.key); known || !ok {
		a.set(v)
		return
	}
	i := 0
	for i < len(*a) {
		m, ok := indexKey((*a)[i].key)
		if !ok || m > n {
			break
		}
		i++
	}
	*a = slices.Insert(*a, i, v)
}

// properties gives what an object or an array has, as a JavaScript object has it.
func properties(v any) attributes {
	var a attributes
	switch v := v.(type) {
	case lib0.Object:
		for _, m := range v {
			a.setProperty(attribute{key: m.Key, value: m.Value})
		}
	case []any:
		for i, e := range v {
			a = append(a, attribute{key: strconv.Itoa(i), value: e})
		}
	}
	return a
}

// same is JavaScript's === of two values.
func (a attribute) same(b attribute) bool {
	if x, ok := number(a.value); ok {
		y, ok := number(b.value)
		return ok && x == y
	}
	switch x := a.value.(type) {
	case nil:
		return b.value == nil
	case bool:
		y, ok := b.value.(bool)
		return ok && x == y
	case string:
		y, ok := b.value.(string)
		return ok && x == y
	case lib0.Undefined:
		_, ok := b.value.(lib0.Undefined)
		return ok
	}
	return isObject(b.value) && a.source != 0 && a.source == b.source
}

// equal is Yjs's equalAttrs: objects are equal if their properties are the same.
func (a attribute) equal(b attribute) bool {
	if a.same(b) {
		return true
	}
	if !isObject(a.value) || !isObject(b.value) {
		return false
	}
	x, y := properties(a.value), properties(b.value)
	if len(x) != len(y) {
		return false
	}
	for _, v := range x {
		if w, ok := y.get(v.key); !ok || !v.same(w) {
			return false
		}
	}
	return true
}

func isObject(v any) bool {
	switch v.(type) {
	case lib0.Object, []any:
		return true
	}
	return false
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case float32:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
