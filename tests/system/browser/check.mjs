// SPDX-License-Identifier: Apache-2.0
// node check.mjs REPORT.html OUTPUT_DIR CHROMIUM [hostile text that must be on the page]
// Opens a report from its file in Chromium, light and dark, wide and narrow, and says what is wrong.
import { mkdirSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { createRequire } from "node:module";

const [report, output, executablePath, hostile] = process.argv.slice(2);
const { chromium } = createRequire(process.env.NODE_MODULES + "/")("playwright-core");
const wrong = [];
const expect = (holds, text) => { if (!holds) wrong.push(text); };

const views = [
	{ name: "wide-light", width: 1280, height: 900, colorScheme: "light" },
	{ name: "wide-dark", width: 1280, height: 900, colorScheme: "dark" },
	{ name: "narrow-light", width: 360, height: 740, colorScheme: "light" },
	{ name: "narrow-dark", width: 360, height: 740, colorScheme: "dark" },
];

// Figures, their marks, and everything that is wider than the page.
function survey() {
	const figures = [...document.querySelectorAll("figure")].map((figure) => ({
		id: figure.id,
		svg: figure.querySelectorAll(".plot svg").length,
		marks: figure.querySelectorAll(
			".plot svg .mark-symbol path, .plot svg .mark-line path, " +
			".plot svg .mark-rect path, .plot svg .mark-area path").length,
		buttons: figure.querySelectorAll(".below button").length,
		rows: figure.querySelectorAll("details tbody tr").length,
		text: figure.querySelector(".plot")?.textContent ?? "",
		inPlot: [...figure.querySelectorAll(".plot svg text")]
			.some((t) => /undefined|NaN|Infinity/.test(t.textContent)),
	}));
	const page = document.documentElement;
	return {
		figures,
		overflow: page.scrollWidth - page.clientWidth,
		background: getComputedStyle(document.body).backgroundColor,
		headings: [...document.querySelectorAll("h2")].map((h) => h.textContent),
		scripts: document.querySelectorAll("script[src], link[href], img[src^=http]").length,
		text: document.body.innerText,
		unnamed: [...document.querySelectorAll("button, summary, a")]
			.filter((e) => !(e.getAttribute("aria-label") || e.textContent).trim()).length,
	};
}

function judge(view, found) {
	const at = (text) => `${view.name}: ${text}`;
	expect(found.figures.length > 0, at("no figure on the page"));
	for (const figure of found.figures) {
		expect(figure.svg === 1, at(`${figure.id} has ${figure.svg} drawings: ${figure.text}`));
		expect(figure.marks > 0, at(`${figure.id} has no marks`));
		expect(figure.buttons === 3, at(`${figure.id} cannot be saved`));
		expect(figure.rows > 0, at(`${figure.id} has no data table`));
		expect(!figure.inPlot, at(`${figure.id} shows something undefined`));
	}
	expect(found.overflow <= 0, at(`the page is ${found.overflow} px too wide`));
	expect(found.scripts === 0, at("something is loaded from outside the file"));
	expect(found.unnamed === 0, at(`${found.unnamed} controls have no name`));
	const order = ["Measure", "Understand", "Model", "Optimize"];
	const places = found.headings.map((h) => order.indexOf(h));
	expect(places.every((p, i) => p >= 0 && (i === 0 || p > places[i - 1])),
		at(`the sections stand as ${found.headings}`));
	if (hostile)
		expect(found.text.includes(hostile), at("the hostile text is not shown as text"));
}

async function look(browser, view) {
	const context = await browser.newContext({
		viewport: { width: view.width, height: view.height },
		colorScheme: view.colorScheme, deviceScaleFactor: 1,
	});
	const page = await context.newPage();
	page.on("console", (m) => {
		if (["error", "warning"].includes(m.type()))
			wrong.push(`${view.name}: console: ${m.text()}`);
	});
	page.on("pageerror", (e) => wrong.push(`${view.name}: ${e.message}`));
	page.on("dialog", (d) => { wrong.push(`${view.name}: a dialog opened`); d.dismiss(); });
	page.on("request", (r) => expect(/^(file|data|blob):/.test(r.url()),
		`${view.name}: asked for ${r.url()}`));
	await page.goto(pathToFileURL(report).href);
	await page.waitForFunction(() => document.documentElement.dataset.figures === "drawn");
	const found = await page.evaluate(survey);
	judge(view, found);
	await page.screenshot({ path: `${output}/report-${view.name}.png`, fullPage: true });
	if (view.name === "wide-light")
		await use(page, found);
	await context.close();
	return found;
}

// What a reader does: another theme, another width, the keyboard, saving.
async function use(page, found) {
	const before = found.background;
	await page.click("#theme");
	await page.waitForFunction(() =>
		[...document.querySelectorAll(".plot")].every((p) => p.dataset.drawn === "dark"));
	const after = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
	expect(before !== after, "the theme button changes nothing");
	await page.setViewportSize({ width: 700, height: 800 });
	await page.waitForTimeout(400);
	const overflow = await page.evaluate(() =>
		document.documentElement.scrollWidth - document.documentElement.clientWidth);
	expect(overflow <= 0, `after resizing to 700 px the page is ${overflow} px too wide`);
	await page.keyboard.press("Tab");
	const focused = await page.evaluate(() => document.activeElement !== document.body);
	expect(focused, "the Tab key reaches nothing");
	for (const [text, ending, sign] of [["SVG", ".svg", "<svg"], ["PNG", ".png", "\x89PNG"]]) {
		const waiting = page.waitForEvent("download", { timeout: 60000 });
		await page.locator("figure .below button", { hasText: text }).first().click();
		const download = await waiting;
		expect(download.suggestedFilename().endsWith(ending), `${text} is saved under another name`);
		const bytes = [];
		for await (const part of await download.createReadStream())
			bytes.push(part);
		expect(Buffer.concat(bytes).toString("latin1").startsWith(sign), `${text} is not one`);
	}
}

mkdirSync(output, { recursive: true });
const browser = await chromium.launch({
	executablePath,
	args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--no-first-run"],
});
try {
	for (const view of views) {
		const found = await look(browser, view);
		if (view === views[0])
			console.log(`${found.figures.length} figures; sections: ${found.headings.join(", ")}`);
	}
} catch (error) {
	wrong.push(String(error));
} finally {
	await browser.close();
}
if (wrong.length) {
	console.log(wrong.map((w) => `WRONG ${w}`).join("\n"));
	process.exit(1);
}
