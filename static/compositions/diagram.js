// A diagram that is wider than the page opens where it matters: at the selected or the running state, else at its start.
(() => {
  "use strict";

  const place = () => {
    for (const drawing of document.querySelectorAll("svg.machine")) {
      const scroll = drawing.parentElement;
      if (drawing.dataset.placed || scroll.scrollWidth <= scroll.clientWidth) continue;
      const chosen = drawing.querySelector(".selected, .is-running, .is-waiting, .is-parked, g.mark");
      if (!chosen) continue;
      const [box, around] = [chosen.getBoundingClientRect(), scroll.getBoundingClientRect()];
      scroll.scrollLeft += box.left + box.width / 2 - around.left - around.width / 2;
      drawing.dataset.placed = "yes";
    }
  };

  place();
  document.addEventListener("diagram", place);
})();
