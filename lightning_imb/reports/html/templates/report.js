"use strict";

// A missing value stays last, whichever way the column is sorted.
function byKey(column, number, sign) {
  return (a, b) => {
    const [x, y] = [a.cells[column].dataset.key, b.cells[column].dataset.key];
    if (x === "" || y === "") return (x === "") - (y === "");
    return sign * (number ? Number(x) - Number(y) : x.localeCompare(y, "en", { numeric: true }));
  };
}

// Numbers begin with the largest, words with the first; pressed again, the order turns around.
function sortBy(table, header) {
  const number = header.dataset.kind === "number";
  const before = header.getAttribute("aria-sort");
  const ascending = before === "none" ? !number : before === "descending";
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(byKey(header.cellIndex, number, ascending ? 1 : -1)));
}

// Where the clipboard is out of reach the text is selected instead.
async function copy(button) {
  const source = button.closest(".copyable").querySelector("pre");
  try {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
    button.textContent = "Selected: press Ctrl+C";
  }
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const header of table.tHead.rows[0].cells) {
    header.querySelector("button").addEventListener("click", () => sortBy(table, header));
  }
}
for (const button of document.querySelectorAll("button.copy")) {
  button.addEventListener("click", () => copy(button));
}
