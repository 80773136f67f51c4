// Package crdt is the Yjs-compatible engine: it checks, merges, cuts and re-encodes the updates of a shared document, and integrates it when it is to be read.
//
// It is pure: no I/O, no clock, no locks, no logging. Nothing that comes in makes
// it panic. The words are those of Yjs (see INTERNALS.md in the Yjs repository).
//
// # Item, id, origin
//
// A document is a set of items that only grows. An item is a piece of content: a
// string, a list of JSON-like values, an embed, a mark where a format begins or
// ends, a nested type, a subdocument. It has an id, (client, clock): the client
// is a number that each editing session draws at random, the clock counts what
// the client has made. A string of five UTF-16 units takes five clocks, so every
// unit has an id of its own and an item can be cut anywhere (see ID).
//
// An item says where it was put by naming its neighbours of that moment: origin,
// the id of the element to its left, and right origin, the one to its right. An
// item with neither names its parent, a root type by name or a nested type by the
// id of the item that holds it, and in a map the key as well. It never says a
// position: positions change, ids don't.
//
// Two people who type at one place make items with equal origins. The algorithm
// that orders them (YATA, Nicolaescu et al. 2016, in the form of Yjs's
// Item.integrate) compares origins and, in the end, client ids; it gives the same
// order whoever integrates, and whatever arrives first.
//
// # Struct, run, update
//
// A struct is an item on the wire; or a GC, which stands for items whose content
// and place nobody needs any more; or a Skip, which only says that clocks are
// missing. An update is a number of blocks, one per client, each with its structs
// by ascending clock, and a delete set. The state of a whole document is an
// update, too.
//
// A run, in this package, is one struct or several that were joined. Two structs
// of one client join when the second continues the first's clocks, has the first's
// last element as origin and the same right origin, and both hold strings, or both
// deleted content: then nothing is lost by writing them as one, and whoever reads
// it may cut it again anywhere. That is how a thousand typed letters take little
// more than their thousand bytes.
//
// # Delete set
//
// Nothing is taken out. Deleting adds ranges of ids to the delete set; that a
// range is in it is never undone (an undo inserts again, under new ids). What is
// deleted must stay as an id, since others may name it as origin, but its content
// may go: it becomes a ContentDeleted of the same length. GC structs and
// ContentDeleted count as deleted whether or not the delete set says so.
//
// # State vector
//
// Since a client's clocks have no gaps, one number per client says all that a
// peer knows of the insertions: the next clock expected. That is the state vector.
// What a peer lacks is therefore a slice of each client's structs; the first one
// may have to be cut, and then its origin is the element just before the cut. Of
// deletions it says nothing, so a diff always carries the whole delete set.
//
// # Why merging is safe
//
// An item is made once, by one client, and never changes; two items with the same
// id are the same item. So a set of items is merged by uniting it, and a delete
// set likewise. Union doesn't care about order (a before b or b before a), nor
// about repetition, nor about grouping: this is all that a network, a database or
// a cache can do wrong with messages that do arrive, and a message that doesn't
// arrive is a gap in the state vector which the next exchange fills. The view of
// a document is a function of these two sets alone. So whoever has the same sets
// sees the same text, and no lock or clock is needed for it.
//
// Hence what the lower of this package's two levels leaves out: to store, merge or
// forward edits nothing has to be integrated.
//
// # State and Doc
//
// State is the lower level: per client the runs of structs by clock, and a delete
// set. Applying an edit costs the edit's size, and encoding little more than a
// copy. It is all that storing and relaying need.
//
// Doc is a document as people see it: a State and its items in their order. What
// an update brings is integrated then and there, for reading (Type: text, delta,
// JSON, XML) and for editing (Edit: a transaction that yields one update). A root
// type, or one that a ContentType holds, is a list of items or a map of keys, each
// with its values, of which the rightmost counts; a text's formats are
// marks between its strings. What is nested in a deleted item is deleted with it.
//
// A Snapshot is a state vector and a delete set: it names a moment, and State.At
// gives the state of that moment as long as nothing of it was collected. Garbage
// collection (Doc.Collect) drops the content of what is deleted, and of the children
// of deleted types even the place. A RelativePosition is a place that
// moves with the text: an id and a side of it. An IDSet is a set of ids, such as
// what somebody inserted and deleted; Tx.Undo takes that back by another edit.
//
// # To know when using it
//
// Apply takes anything and keeps what has gaps before it, detached, until they
// close. Known.Fit is stricter and answers what of an update integrates completely
// on top of the layers that a room has: what a room stages after Fit never waits
// for anything, so what is stored always loads completely.
//
// Updates that ParseUpdate has checked are safe to decode any number of times;
// the engine does that rather than keep a record per struct, since sixteen
// megabytes of structs of two bytes each would otherwise become a gigabyte.
//
// Strings are UTF-8 here and counted in UTF-16 units. A cut in the middle of a
// surrogate pair turns both halves into U+FFFD, as in Yjs. Edit refuses to make one.
//
// A Doc owns its State: nobody else may change it. What State.Apply keeps detached
// is what the Doc lets wait.
package crdt
