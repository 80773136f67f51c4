// Types Korean as an input method does: syllable by syllable, each composed before it is there.

const hangul = { first: 0xac00, medials: 21, finals: 28 };
const initials = [...'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ'];

/** What the input method shows while a syllable is typed: 한 is ㅎ, 하, 한. */
function stages(syllable) {
  const code = syllable.codePointAt(0) - hangul.first;
  const final = code % hangul.finals;
  const initial = initials[Math.floor(code / (hangul.medials * hangul.finals))];
  const open = String.fromCodePoint(hangul.first + code - final);
  return final === 0 ? [initial, syllable] : [initial, open, syllable];
}

/** The input method of one person's browser. */
export class InputMethod {
  #page;
  #session;

  static async of(person) {
    const method = new InputMethod();
    method.#page = person.page;
    method.#session = await person.context.newCDPSession(person.page);
    return method;
  }

  /** Shows an unfinished syllable. */
  async show(text) {
    await this.#session.send('Input.imeSetComposition', { text, selectionStart: 1, selectionEnd: 1 });
    await this.#page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
  }

  /** Ends the composition with a syllable. */
  async commit(text) {
    await this.#session.send('Input.insertText', { text });
  }

  /** Types Korean; what isn't Hangul is typed as it is. */
  async compose(text) {
    for (const letter of text) {
      const code = letter.codePointAt(0);
      if (code < hangul.first || code > 0xd7a3) {
        await this.#page.keyboard.type(letter);
        continue;
      }
      for (const stage of stages(letter)) await this.show(stage);
      await this.commit(letter);
    }
  }
}

/** Has a person write the letters of `word` again and again until `work` is done; answers what was written in all. */
export async function meanwhile(person, word, work) {
  let writing = true;
  let written = '';
  const writer = (async () => {
    for (let i = 0; writing; i = (i + 1) % word.length) {
      await person.page.keyboard.type(word[i]);
      written += word[i];
    }
  })();
  try {
    await work();
  } finally {
    writing = false;
    await writer;
  }
  return written;
}
