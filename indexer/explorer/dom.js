// Elements from plain calls. Text only ever becomes text: nothing here parses markup, whoever wrote it.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** An HTML element: h('a', { href: '#/' }, 'Home'). Properties that begin with "on" are listeners. */
export function h(name, props, ...children) {
  return fill(document.createElement(name), props, children);
}

/** An SVG element. */
export function s(name, props, ...children) {
  return fill(document.createElementNS(SVG, name), props, children);
}

/** An address that only ever leads to a page of this explorer or its API. */
export function route(path, query) {
  const words = new URLSearchParams(Object.entries(query ?? {}).filter(([, value]) => value));
  return `#${path}${words.size ? `?${words}` : ''}`;
}
