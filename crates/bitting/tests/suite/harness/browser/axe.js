// Runs axe, which stands before this, and tells what it found in words.
axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations.map((violation) => {
  const places = violation.nodes.map((node) => `    ${node.html}\n      ${node.failureSummary.replaceAll("\n", "\n      ")}`);
  return `${violation.id} (${violation.impact}): ${violation.help}\n${places.join("\n")}`;
}))
