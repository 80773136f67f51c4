// Editors with a document of Yjs below: TipTap in the field "default", CodeMirror in the field "code".
import './browser.mjs'

const { Editor } = await import('@tiptap/core')
const { Collaboration } = await import('@tiptap/extension-collaboration')
const { CollaborationCaret } = await import('@tiptap/extension-collaboration-caret')
const { Selection } = await import('@tiptap/pm/state')
const { StarterKit } = await import('@tiptap/starter-kit')
const { EditorState } = await import('@codemirror/state')
const { EditorView } = await import('@codemirror/view')
const { yCollab } = await import('y-codemirror.next')

const element = () => document.body.appendChild(document.createElement('div'))

/** Both give {type, erase, text, end}: write at the end, delete as many characters before the end, what is to be read, and take the editor down. */
export const editors = {
  tiptap ({ doc, awareness, user }) {
    const editor = new Editor({
      element: element(),
      extensions: [
        StarterKit.configure({ undoRedo: false }),
        Collaboration.configure({ document: doc, field: 'default' }),
        CollaborationCaret.configure({ provider: { awareness }, user })
      ]
    })
    const end = () => Selection.atEnd(editor.state.doc).from
    return {
      type: text => editor.view.dispatch(editor.state.tr.insertText(text, end())),
      erase: count => editor.view.dispatch(editor.state.tr.delete(end() - count, end())),
      text: () => editor.getText({ blockSeparator: '' }),
      end: () => editor.destroy()
    }
  },
  codemirror ({ doc, awareness, user }) {
    awareness.setLocalStateField('user', user)
    const field = doc.getText('code')
    const view = new EditorView({ parent: element(), state: EditorState.create({ doc: field.toString(), extensions: [yCollab(field, awareness)] }) })
    return {
      type: insert => view.dispatch({ changes: { from: view.state.doc.length, insert } }),
      erase: count => view.dispatch({ changes: { from: view.state.doc.length - count, to: view.state.doc.length } }),
      text: () => view.state.doc.toString(),
      end: () => view.destroy()
    }
  }
}
