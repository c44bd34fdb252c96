// Brings what is to be clicked into sight, and tells whether the click should lead to another page.
const [element] = arguments;
element.scrollIntoView({ block: "center" });
const leads = () => {
  const link = element.closest("a[href]");
  if (link) return link.origin + link.pathname + link.search !== location.origin + location.pathname + location.search;
  return element.type === "submit" && !!element.form && element.form.method !== "dialog";
};
return { leads: leads(), dialogs: document.querySelectorAll("dialog:modal").length, page: document.documentElement };
