import { EditorContent, type Editor } from '@tiptap/react';
import { useText } from '../i18n';

interface Props {
  editor: Editor;
  /** The server's text has arrived. */
  loaded: boolean;
  /** It won't arrive any more. */
  failed: boolean;
}

/** The page that is written on. Until the text has arrived it says so: an empty page would look like an empty document. */
export function EditorSurface({ editor, loaded, failed }: Props) {
  const t = useText();
  return (
    <main className="surface" data-loaded={loaded}>
      {loaded || failed ? null : <p className="quiet surface-wait">{t('editor.opening')}</p>}
      <EditorContent editor={editor} className="surface-text" hidden={!loaded} />
    </main>
  );
}
