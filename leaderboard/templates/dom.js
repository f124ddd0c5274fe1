"use strict";
// Elements and numbers. Text enters the page as text nodes and attributes only, never as markup.

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return node;
}

const make = (tag, attributes = {}, ...children) => build(document.createElement(tag), attributes, children);

const draw = (tag, attributes = {}, ...children) =>
  build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const badge = (word, title = null) => make("span", { class: `badge ${word}`, title }, word);

const byName = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;

const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
