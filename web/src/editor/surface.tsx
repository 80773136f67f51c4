import { EditorContent, type Editor } from '@tiptap/react';

interface Props {
  editor: Editor;
  /** The server's text has arrived. */
  loaded: boolean;
  /** It won't arrive any more. */
  failed: boolean;
}

/** The page that is written on. Until the text has arrived it says so: an empty page would look like an empty document. */
export function EditorSurface({ editor, loaded, failed }: Props) {
  return (
    <main className="surface" data-loaded={loaded}>
      {loaded || failed ? null : <p className="quiet surface-wait">Opening the document…</p>}
      <EditorContent editor={editor} className="surface-text" hidden={!loaded} />
    </main>
  );
}
