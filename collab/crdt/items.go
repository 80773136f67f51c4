package crdt

// item gives the item of that index, which must not be 0. The pointer is valid
// as long as the Doc is, but what it shows is only until the next change.
func (d *Doc) item(i uint32) *item { return &d.items[i] }

func (i *item) isDeleted() bool { return i.deleted }

// countable says whether an item counts in the length of its list, deleted or not
// (Yjs: Item.countable).
func (i *item) countable() bool {
	k := i.kind()
	return k != contentFormat && k != contentDeleted && k != contentGC
}

// id gives the id of an item's first element.
func (d *Doc) id(it *item) ID { return ID{Client: it.client, Clock: it.clock} }

// origin gives the element that an item was put behind, if there was one.
func (d *Doc) origin(it *item) (ID, bool) { return it.from, it.info&hasOrigin != 0 }

// rightOrigin gives the element that an item was put before, if there was one.
func (d *Doc) rightOrigin(it *item) (ID, bool) { return it.before, it.info&hasRightOrigin != 0 }

// body gives an item's content as a wireStruct has it. It must not be changed, and
// is valid until the next change of the Doc.
func (d *Doc) body(it *item) []byte { return it.content }

// typ gives the type of that index, which must not be 0.
func (d *Doc) typ(t int32) *sharedType { return &d.types[t] }

// has says whether the element of that id is integrated.
func (d *Doc) has(id ID) bool {
	dc := d.clients[id.Client]
	return dc != nil && id.Clock < dc.clock
}

// keyName gives the name of a map key.
func (d *Doc) keyName(k int32) string { return d.keyNames[k-1] }

// rootType gives the root type of a name, if something has been put there.
func (d *Doc) rootType(name string) (int32, bool) {
	t, ok := d.roots[name]
	return t, ok
}
