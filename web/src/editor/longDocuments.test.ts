import { Schema, type Node } from '@tiptap/pm/model';
import { beforeEach, describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { LastingNodes } from './longDocuments';

const schema = new Schema({
  nodes: {
    doc: { content: 'block+' },
    paragraph: { group: 'block', content: 'text*' },
    quote: { group: 'block', content: 'paragraph+' },
    text: {},
  },
});

const paragraph = (words: string) => schema.node('paragraph', null, [schema.text(words)]);

type Shared = Y.AbstractType<unknown>;

/** Of which events a type tells is of no concern here, but would tell the types apart. */
const shared = (type: unknown) => type as Shared;

interface Written {
  type: Shared;
  text: Shared;
  node: Node;
}

/** A paragraph of the shared document, with the node that stands for it. */
function write(parent: Y.XmlFragment | Y.XmlElement, words: string): Written {
  const type = new Y.XmlElement('paragraph');
  const text = new Y.XmlText(words);
  type.insert(0, [text]);
  parent.insert(parent.length, [type]);
  return { type: shared(type), text: shared(text), node: paragraph(words) };
}

describe('LastingNodes', () => {
  let root: Y.XmlFragment;
  let quoteType: Shared;
  let alone: Written;
  let quoted: Written;
  let quote: Node;
  let shown: Node;
  let nodes: LastingNodes;

  beforeEach(() => {
    root = new Y.Doc().getXmlFragment('default');
    alone = write(root, 'alone');
    const element = new Y.XmlElement('quote');
    root.insert(1, [element]);
    quoteType = shared(element);
    quoted = write(element, 'quoted');
    quote = schema.node('quote', null, [quoted.node]);
    shown = schema.node('doc', null, [alone.node, quote]);
    nodes = new LastingNodes(shared(root), () => shown, [
      [alone.type, alone.node],
      [quoteType, quote],
      [quoted.type, quoted.node],
    ]);
  });

  it('begins with the entries that it is given', () => {
    expect([...nodes.keys()]).toEqual([alone.type, quoteType, quoted.type]);
    expect(nodes.get(quoted.type)).toBe(quoted.node);
  });

  it('keeps, when cleared, what is shown and nothing was taken out of', () => {
    nodes.clear();
    expect([...nodes]).toEqual([
      [alone.type, alone.node],
      [quoteType, quote],
      [quoted.type, quoted.node],
    ]);
  });

  it('forgets a node that is shown no longer, and only that', () => {
    shown = schema.node('doc', null, [quote]);
    nodes.clear();
    expect([...nodes.keys()]).toEqual([quoteType, quoted.type]);
  });

  it('goes by the node itself, not by what it says', () => {
    shown = schema.node('doc', null, [paragraph('alone'), quote]);
    nodes.clear();
    expect(nodes.has(alone.type)).toBe(false);
  });

  it('forgets what is in something that was taken out', () => {
    nodes.delete(quoteType);
    nodes.clear();
    expect([...nodes.keys()]).toEqual([alone.type]);
  });

  it('forgets what was deleted from the shared document together with all around it', () => {
    nodes.delete(quoteType);
    root.delete(1, 1);
    nodes.clear();
    expect([...nodes.keys()]).toEqual([alone.type]);
  });

  it('forgets the lists of nodes that stand for text: they are made anew with their block', () => {
    nodes.set(alone.text, [...alone.node.children]);
    nodes.clear();
    expect(nodes.has(alone.text)).toBe(false);
    expect(nodes.has(alone.type)).toBe(true);
  });

  it('forgets all types of another root', () => {
    const other = write(new Y.Doc().getXmlFragment('default'), 'elsewhere');
    nodes.set(other.type, alone.node);
    nodes.clear();
    expect(nodes.has(other.type)).toBe(false);
  });

  it('takes entries again after it was cleared', () => {
    nodes.delete(alone.type);
    nodes.clear();
    nodes.set(alone.type, alone.node);
    nodes.clear();
    expect(nodes.get(alone.type)).toBe(alone.node);
  });
});
