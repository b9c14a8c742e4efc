"use strict";
(() => {
  const table = document.querySelector("table.all");

  function valueOf(row, column) {
    const cell = row.cells[column];
    const value = cell.dataset.v;
    return value === undefined ? cell.textContent.trim().toLowerCase() : value === "" ? null : Number(value);
  }

  function compare(one, other) {
    if (one === null || other === null) return (one === null) - (other === null);
    return typeof one === "number" ? one - other : one.localeCompare(other, undefined, { numeric: true });
  }

  function sortBy(header, column) {
    const descending = header.getAttribute("aria-sort") === "ascending";
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => [valueOf(row, column), row]);
    rows.sort(([one], [other]) => {
      const missing = one === null || other === null;
      return descending && !missing ? compare(other, one) : compare(one, other);
    });
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    body.append(...rows.map(([, row]) => row));
  }

  function makeSortable() {
    Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
      if (header.dataset.sort === undefined) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sortBy(header, column));
      header.append(button);
    });
  }

  function makeFilters() {
    const search = document.getElementById("search");
    const standing = document.getElementById("standing");
    const told = document.getElementById("shown");
    const rows = Array.from(table.tBodies[0].rows, (row) => [row, row.textContent.toLowerCase()]);
    function filter() {
      const wanted = search.value.trim().toLowerCase();
      let shown = 0;
      for (const [row, text] of rows) {
        const fits = text.includes(wanted) && (!standing.value || row.dataset.standing === standing.value);
        row.hidden = !fits;
        shown += fits;
      }
      told.textContent = `${shown} of ${rows.length} shown`;
    }
    search.addEventListener("input", filter);
    standing.addEventListener("change", filter);
    filter();
  }

  function openTarget() {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let each = target; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
    target.scrollIntoView();
  }

  function makeOpeners() {
    for (const button of document.querySelectorAll("button[data-open]")) {
      button.addEventListener("click", () => {
        const open = button.dataset.open === "yes";
        for (const each of document.querySelectorAll("details.card")) each.open = open;
      });
    }
  }

  if (table && table.tBodies[0].rows.length > 1) makeSortable();
  if (document.getElementById("search")) makeFilters();
  makeOpeners();
  for (const each of document.querySelectorAll(".controls")) each.hidden = false;
  window.addEventListener("hashchange", openTarget);
  openTarget();
})();
