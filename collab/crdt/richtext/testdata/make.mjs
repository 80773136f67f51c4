// Makes *.yjs from *.json: `node make.mjs` in this folder, with web/node_modules
// installed. Each document goes through TipTap's own schema and y-tiptap, as an editor
// writes it; *.prosemirror.json is what y-tiptap reads in it.
import { createRequire } from 'node:module'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const require = createRequire(new URL('../../../../web/package.json', import.meta.url))
const { getSchema, Mark, Node } = require('@tiptap/core')
const { default: StarterKit } = require('@tiptap/starter-kit')
const { TaskItem, TaskList } = require('@tiptap/extension-list')
const { Table, TableCell, TableHeader, TableRow } = require('@tiptap/extension-table')
const { Image } = require('@tiptap/extension-image')
const { prosemirrorJSONToYDoc, yDocToProsemirrorJSON } = require('@tiptap/y-tiptap')
const Y = require('yjs')

const mark = name => Mark.create({ name })
const schema = getSchema([
  StarterKit, TaskList, TaskItem.configure({ nested: true }), Table, TableRow, TableHeader, TableCell, Image,
  mark('highlight'), mark('subscript'), mark('superscript'), mark('sparkle'),
  Node.create({ name: 'callout', group: 'block', content: 'block+' }),
  Node.create({ name: 'verse', group: 'block', content: 'inline*' })
])
for (const file of readdirSync('.').filter(f => /^[a-z-]+\.json$/.test(f))) {
  const name = file.slice(0, -'.json'.length)
  const doc = prosemirrorJSONToYDoc(schema, JSON.parse(readFileSync(file, 'utf8')), 'default')
  writeFileSync(name + '.yjs', Y.encodeStateAsUpdate(doc))
  writeFileSync(name + '.prosemirror.json', JSON.stringify(yDocToProsemirrorJSON(doc, 'default')) + '\n')
}
