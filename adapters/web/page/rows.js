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

  #place(elements) {
    let at = this.#list.firstChild;
    for (const element of elements) {
      if (at === element) at = at.nextSibling;
      else this.#list.insertBefore(element, at);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }
}
