// Runs axe, which is on the page already, and tells what it found in words. RULES says which rules, all if it is null.
axe.run(document, { resultTypes: ["violations"], ...(RULES && { runOnly: RULES }) }).then(({ violations }) => violations.map((violation) => {
  const places = violation.nodes.map((node) => `    ${node.html}\n      ${node.failureSummary.replaceAll("\n", "\n      ")}`);
  return `${violation.id} (${violation.impact}): ${violation.help}\n${places.join("\n")}`;
}))
