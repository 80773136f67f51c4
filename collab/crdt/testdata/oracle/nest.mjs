// Types nested in each other, and everything that Yjs may do with them: which of it fails, and how.
import * as Y from 'yjs'

const kinds = {
  map: { root: d => d.getMap('r'), make: () => new Y.Map(), put: (p, c) => p.set('k', c), drop: p => p.delete('k') },
  array: { root: d => d.getArray('r'), make: () => new Y.Array(), put: (p, c) => p.insert(0, [c]), drop: p => p.delete(0, 1) },
  xml: { root: d => d.getXmlFragment('r'), make: () => new Y.XmlElement('p'), put: (p, c) => p.insert(0, [c]), drop: p => p.delete(0, 1) },
  text: { root: d => d.getText('r'), make: () => new Y.Text(), put: (p, c) => p.insertEmbed(0, c), drop: p => p.delete(0, 1) }
}
// Deletes the outermost type of the chain.
const drop = new Uint8Array([0, 1, 1, 1, 0, 1])

const uses = {
  integrate: ({ load }) => { if (load().doc.store.pendingStructs !== null) throw new Error('pending') },
  encode: ({ load }) => Y.encodeStateAsUpdate(load().doc),
  delete: ({ load, kind }) => kind.drop(load({ gc: false }).root),
  'delete and collect': ({ load, kind }) => kind.drop(load().root),
  'be told of a delete': ({ load }) => Y.applyUpdate(load().doc, drop),
  'load it deleted': ({ update }) => Y.applyUpdate(new Y.Doc(), Y.mergeUpdates([update, drop])),
  toJSON: ({ load }) => JSON.stringify(load().root.toJSON()),
  toString: ({ load }) => load().root.toString(),
  clone: ({ load }) => load().root.clone(),
  undo: ({ load, kind }) => {
    const { root } = load()
    const manager = new Y.UndoManager(root)
    kind.drop(root)
    manager.undo()
    manager.redo()
    manager.undo()
  },
  observeDeep: ({ load, kind, depth }) => {
    const { root } = load()
    let steps = 0
    root.observeDeep(events => { for (const e of events) steps += e.path.length })
    let last = root
    for (let next; (next = (last._start ?? last._map.get('k'))?.content.type);) last = next
    kind.put(last, kind.make())
    if (steps !== depth) throw new Error(`a path of ${steps}`)
  }
}

export const nest = depth => {
  const failed = {}
  for (const [name, kind] of Object.entries(kinds)) {
    const doc = new Y.Doc()
    doc.clientID = 1
    doc.transact(() => {
      let type = kind.root(doc)
      for (let i = 0; i < depth; i++) {
        const child = kind.make()
        kind.put(type, child)
        type = child
      }
    })
    const update = Y.encodeStateAsUpdate(doc)
    const load = options => {
      const doc = new Y.Doc(options)
      Y.applyUpdate(doc, update)
      return { doc, root: kind.root(doc) }
    }
    for (const [use, run] of Object.entries(uses)) {
      try { run({ update, load, kind, depth }) } catch (e) { failed[`${name}: ${use}`] = e.message }
    }
  }
  return failed
}
