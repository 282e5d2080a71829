/**
 * Fits the document to a tree of `element.js`: what is the same stays untouched, so focus, selection and open details survive the
 * next second. Texts go in as text nodes; nothing here ever parses markup.
 */

/** Belong to the visitor, not to the view. */
const VISITORS = new Set(['open']);

export function patchChildren(parent, nodes) {
  nodes.forEach((node, index) => {
    const place = parent.childNodes[index];
    if (place === undefined) parent.append(create(node));
    else if (typeof node === 'string') {
      if (place.nodeType !== Node.TEXT_NODE) place.replaceWith(node);
      else if (place.data !== node) place.data = node;
    } else if (place.nodeType !== Node.ELEMENT_NODE || place.localName !== node.tag)
      place.replaceWith(create(node));
    else patch(place, node);
  });
  while (parent.childNodes.length > nodes.length) parent.lastChild.remove();
}

function patch(place, node) {
  for (const { name } of [...place.attributes]) {
    if (!(name in node.attrs) && !VISITORS.has(name)) place.removeAttribute(name);
  }
  setAttributes(place, node);
  patchChildren(place, node.children);
}

function create(node) {
  if (typeof node === 'string') return document.createTextNode(node);
  const place = document.createElement(node.tag);
  setAttributes(place, node);
  for (const child of node.children) place.append(create(child));
  return place;
}

function setAttributes(place, { tag, attrs }) {
  for (const [name, value] of Object.entries(attrs)) {
    if (place.getAttribute(name) !== value) place.setAttribute(name, value);
  }
  // Once touched, these no longer follow their attributes.
  if (tag === 'option') place.selected = 'selected' in attrs;
  if (tag === 'input' && place !== document.activeElement) place.value = attrs.value ?? '';
}
