/** Elements without markup: nothing here takes HTML, so text of others can not become anything but text. */

import { effect } from "./signal.ts";

export type Child = Node | string | number | null | undefined | false | readonly Child[] | (() => Child);

type Value = string | number | boolean | null | undefined;
export type Attributes = { [name: string]: Value | (() => Value) | ((event: never) => void) };

const SVG = "http://www.w3.org/2000/svg";

/** Set as properties, which change after the attribute was set. */
const PROPERTIES = new Set(["value", "checked", "disabled", "open", "hidden", "indeterminate", "selected"]);

type Made<K> = K extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[K] : HTMLElement;

/**
 * An element. `onclick` and its like are listeners; any other attribute or child may be a function, which is asked
 * again when a signal that it read changes.
 */
export function h<K extends string>(tag: K, attributes?: Attributes | null, ...children: Child[]): Made<K> {
  const element = document.createElement(tag);
  dress(element, attributes, children);
  return element as Made<K>;
}

/** An element of a drawing. */
export function svg(tag: string, attributes?: Attributes | null, ...children: Child[]): SVGElement {
  const element = document.createElementNS(SVG, tag);
  dress(element, attributes, children);
  return element;
}

function dress(element: Element, attributes: Attributes | null | undefined, children: Child[]): void {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on") && typeof value === "function") {
      element.addEventListener(name.slice(2), value as EventListener);
    } else if (typeof value === "function") {
      effect(() => put(element, name, (value as () => Value)()));
    } else {
      put(element, name, value);
    }
  }
  append(element, children);
}

function put(element: Element, name: string, value: Value): void {
  if (PROPERTIES.has(name) && name in element) {
    Reflect.set(element, name, value ?? (name === "value" ? "" : false));
  } else if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

export function append(parent: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (typeof child === "function") live(parent, child);
    else for (const node of nodes(child)) parent.appendChild(node);
  }
}

/** Keeps the nodes of a function between two marks, and replaces them when it gives others. */
function live(parent: Node, give: () => Child): void {
  const [start, end] = [document.createComment(""), document.createComment("")];
  parent.appendChild(start);
  parent.appendChild(end);
  effect(() => {
    const fragment = document.createDocumentFragment();
    append(fragment, [give()].flat() as Child[]);
    while (start.nextSibling && start.nextSibling !== end) start.nextSibling.remove();
    end.parentNode?.insertBefore(fragment, end);
  });
}

function nodes(child: Exclude<Child, () => Child>): Node[] {
  if (child === null || child === undefined || child === false) return [];
  if (Array.isArray(child)) {
    const holder = document.createDocumentFragment();
    append(holder, child);
    return [...holder.childNodes];
  }
  return [child instanceof Node ? child : document.createTextNode(String(child))];
}

/** Replaces everything in an element. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  append(element, children);
}
