// Finds what a person would mean by some words: arguments are the part to look in (or null), a selector, and the words.
// Returns the elements that are called so, and what the others are called.
const [part, selector, words] = arguments;
if (!("computedName" in document.body)) throw new Error("Chromium does not tell what it calls elements");
const flat = (text) => (text ?? "").replace(/\s+/g, " ").trim();
const first = (element) => flat(element.innerText?.trim().split("\n")[0]);

// While a dialog is open the rest of the page cannot be reached.
const modal = [...document.querySelectorAll("dialog:modal")].at(-1);
const scope = part ?? modal ?? document.body;

// A box or a knob may be drawn by its label.
const isSeen = (element) => {
  if (element.closest("[inert]")) return false;
  const drawn = element.matches("[type=radio], [type=checkbox]") ? [element, ...element.labels] : [element];
  return drawn.some((each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true }));
};

const names = (element) => {
  if (element.matches("tr, li")) return [...element.children].map(first).concat(flat(element.innerText));
  const whole = flat(element.computedName) || flat(element.ariaLabel) || flat(element.innerText);
  return element.labels?.length ? [whole, first(element.labels[0])] : [whole, first(element)];
};
const rank = (element) => Math.max(...names(element).map((name) =>
  name === words ? 3 : name.startsWith(words) ? 2 : name.includes(words) ? 1 : 0));

const candidates = [scope, ...scope.querySelectorAll(selector)].filter((element) => element.matches(selector) && isSeen(element));
const best = Math.max(1, ...candidates.map(rank));
let found = candidates.filter((element) => rank(element) === best);
// Of a link and a button with the same words the button does it.
if (found.some((element) => !element.matches("a"))) found = found.filter((element) => !element.matches("a"));
// The innermost of several that hold each other.
found = found.filter((element) => !found.some((other) => other !== element && element.contains(other)));
return { found, others: candidates.slice(0, 60).map((element) => names(element)[0]) };
