// What editors find in a browser.
import { Window } from 'happy-dom'

const window = new Window({ url: 'http://localhost/' })
const names = [
  'window', 'document', 'navigator', 'Node', 'Element', 'HTMLElement', 'Text', 'Range', 'Selection', 'DOMParser', 'MutationObserver', 'getSelection', 'getComputedStyle', 'innerWidth', 'innerHeight',
  'requestAnimationFrame', 'cancelAnimationFrame', 'ShadowRoot', 'DocumentFragment'
]
for (const name of names) {
  const value = name === 'window' ? window : window[name]
  globalThis[name] = typeof value === 'function' && !/^[A-Z]/.test(name) ? value.bind(window) : value
}
