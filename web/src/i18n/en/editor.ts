/** The texts of the editor. */
export const editor = {
  'editor.opening': 'Opening the document…',
} as const;
