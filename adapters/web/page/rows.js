// A list whose elements stay in the document as long as what they show: a button that is being pressed, the focus, a selection and
// an opened detail stay with them.

export class Rows {
  #list;
  #row;
  #drawn = new Map();

  /** `row`: how an item becomes a row: {key(item), looks(item), make(item)}; the same looks need no new element. */
  constructor(list, row) {
    this.#list = list;
    this.#row = row;
  }

  /** Show these items, in this order, and no others. */
  draw(items) {
    const drawn = new Map();
    for (const item of items) {
      const key = this.#row.key(item);
      const looks = this.#row.looks(item);
      const known = this.#drawn.get(key);
      drawn.set(key, known?.looks === looks ? known : { looks, element: this.#row.make(item) });
    }
    this.#drawn = drawn;
    this.#place([...drawn.values()].map(({ element }) => element));
  }

  /** What goes is taken out first, so that nothing that stays has to make room: an element that is moved loses all of that too. */
  #place(elements) {
    const wanted = new Set(elements);
    for (const element of [...this.#list.children]) if (!wanted.has(element)) element.remove();
    let at = this.#list.firstChild;
    for (const element of elements) {
      if (at === element) at = at.nextSibling;
      else this.#list.insertBefore(element, at);
    }
  }
}
