// SPDX-License-Identifier: Apache-2.0
// Draws the figures of a report, in light or dark, and saves them. The specifications name meanings
// (a series, a style), the looks of which are here.
(function () {
	"use strict";

	const root = document.documentElement;
	const dark = matchMedia("(prefers-color-scheme: dark)");
	const looks = {
		light: {
			surface: "#fdfdfc", ink: "#14130f", soft: "#5b5950", faint: "#8f8c82",
			grid: "#e9e6de", axis: "#bdb9ae", warn: "#b3261e",
			series: ["#2a6fc4", "#d9622b", "#1a9c74", "#7a4fb5", "#c99700", "#c2407f",
				"#4b8f2f", "#6b7280", "#0f8aa6", "#8a5a3c", "#1f3f77", "#e58fb0",
				"#9a9a2c", "#b0382a"],
			roles: ["#a9a69c", "#14130f", "#2a6fc4", "#1a9c74", "#d9622b", "#7a4fb5"],
			ramp: ["#b9d3f2", "#8db8ea", "#5f9adf", "#2f78cd", "#1d579f", "#12386a"],
		},
		dark: {
			surface: "#1a1a18", ink: "#f4f3ee", soft: "#bdbab0", faint: "#85827a",
			grid: "#2b2a27", axis: "#4d4b45", warn: "#ff8a80",
			series: ["#5b9be8", "#ee8452", "#34b98e", "#a886e0", "#dcae2e", "#e070a6",
				"#7cbb5c", "#9ca3af", "#4cc3dd", "#c08d68", "#9db4e8", "#f2b3ca",
				"#c9c95a", "#f07f72"],
			roles: ["#75726a", "#f4f3ee", "#5b9be8", "#34b98e", "#ee8452", "#a886e0"],
			ramp: ["#1c3a63", "#24548f", "#3072bd", "#4d93de", "#84b5ec", "#c3dcf8"],
		},
	};
	const font = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';
	const NARROW = 480;

	function isDark() {
		const chosen = root.dataset.theme;
		return chosen ? chosen === "dark" : dark.matches;
	}

	function config(look, width, legends) {
		const narrow = width < NARROW;
		return {
			background: look.surface,
			font: font,
			padding: { left: 2, right: 8, top: 4, bottom: 2 },
			view: { stroke: null },
			axis: {
				labelColor: look.soft, titleColor: look.soft, gridColor: look.grid,
				domainColor: look.axis, tickColor: look.axis, labelFontSize: 11,
				titleFontSize: 11.5, titleFontWeight: 400, titlePadding: 9, labelPadding: 5,
				tickSize: 4, labelLimit: narrow ? 96 : 190,
			},
			axisX: { grid: false, tickCount: narrow ? 4 : 7, labelFlush: true },
			axisY: { domain: false, ticks: false },
			legend: {
				orient: "top", direction: "horizontal", labelColor: look.ink,
				labelFontSize: 11.5, labelLimit: 150, symbolBaseFillColor: look.soft,
				symbolBaseStrokeColor: look.soft, symbolSize: 80, symbolStrokeWidth: 2.5,
				offset: 12, padding: 0, columns: Math.max(1, Math.floor(width / 125 / (narrow ? legends : 1))),
				columnPadding: 14, rowPadding: 4,
			},
			range: {
				category: look.series,
				roles: look.roles, ramp: look.ramp,
				sources: [look.series[0], look.series[4], look.series[2]],
			},
			line: { strokeCap: "round", strokeJoin: "round" },
			text: { font: font },
			style: {
				label: { color: look.soft, fontSize: 11.5 },
				budget: { color: look.warn, strokeWidth: 1.5, strokeDash: [5, 4] },
				roof: { color: look.faint, strokeWidth: 1.5 },
				front: { color: look.series[0], strokeWidth: 1.5, opacity: 0.55 },
				interval: { color: look.faint, strokeWidth: 1 },
				gantt: { stroke: look.surface, strokeWidth: 0.5 },
			},
		};
	}

	// Legends stand side by side: colour and shape by one field share one, by two they need two.
	function legendsOf(spec) {
		const fields = (spec.layer || [spec]).flatMap((layer) => ["color", "shape"]
			.map((channel) => ((layer.encoding || {})[channel] || {}).field)).filter(Boolean);
		return Math.max(1, new Set(fields).size);
	}

	// On a narrow page the legend tells who is who; texts beside the marks would cover each other.
	function fitted(spec, width) {
		if (width >= NARROW || !spec.layer)
			return spec;
		return Object.assign({}, spec, {
			layer: spec.layer.filter((layer) => !(layer.name || "").startsWith("labels")),
		});
	}

	const figures = [];

	async function draw(figure) {
		const turn = ++figure.turn;
		const width = figure.plot.clientWidth;
		const look = looks[isDark() ? "dark" : "light"];
		const result = await vegaEmbed(figure.plot, fitted(figure.spec, width), {
			mode: "vega-lite", renderer: "svg", actions: false, ast: true,
			defaultStyle: false, config: config(look, width, legendsOf(figure.spec)),
			tooltip: { disableDefaultStyle: true },
		});
		if (turn !== figure.turn) {
			result.finalize();
			return;
		}
		if (figure.view)
			figure.view.finalize();
		figure.view = result.view;
		figure.width = width;
		figure.plot.dataset.drawn = isDark() ? "dark" : "light";
	}

	function failed(figure, error) {
		figure.plot.textContent = "This figure could not be drawn (" + error.message +
			"); its data are below.";
		const details = figure.element.querySelector("details");
		if (details)
			details.open = true;
	}

	function redraw(figure) {
		figure.drawn = draw(figure).catch((e) => failed(figure, e));
		return figure.drawn;
	}

	function drawAll() {
		return Promise.all(figures.map(redraw));
	}

	function save(name, url) {
		const link = document.createElement("a");
		link.download = name;
		link.href = url;
		link.click();
	}

	function saveText(name, text, type) {
		const url = URL.createObjectURL(new Blob([text], { type: type }));
		save(name, url);
		// A browser may take its time until it reads what it was told to save.
		setTimeout(() => URL.revokeObjectURL(url), 60000);
	}

	function addButton(place, text, label, action) {
		const button = document.createElement("button");
		button.type = "button";
		button.textContent = text;
		button.setAttribute("aria-label", label);
		button.addEventListener("click", action);
		place.append(button);
	}

	function addFigure(element) {
		const figure = {
			element: element, plot: element.querySelector(".plot"), view: null, turn: 0,
			spec: JSON.parse(element.querySelector("script").textContent),
		};
		const name = "ergon-" + element.id;
		const caption = element.querySelector("figcaption").textContent;
		const below = element.querySelector(".below");
		// What is being drawn anew is saved as it will be; a view that gave way draws no more.
		addButton(below, "SVG", "Save as SVG: " + caption, async () => {
			await figure.drawn;
			saveText(name + ".svg", await figure.view.toSVG(), "image/svg+xml");
		});
		addButton(below, "PNG", "Save as PNG: " + caption, async () => {
			await figure.drawn;
			save(name + ".png", await figure.view.toImageURL("png", 2));
		});
		addButton(below, "Vega-Lite", "Save the specification: " + caption, () =>
			saveText(name + ".vl.json", JSON.stringify(figure.spec, null, 1),
				"application/json"));
		figures.push(figure);
	}

	function setUpTheme() {
		const button = document.getElementById("theme");
		if (!button)
			return;
		const name = () => {
			button.textContent = isDark() ? "Light" : "Dark";
			button.setAttribute("aria-label", "Show in " + (isDark() ? "light" : "dark"));
		};
		button.hidden = false;
		name();
		button.addEventListener("click", () => {
			root.dataset.theme = isDark() ? "light" : "dark";
			name();
			drawAll();
		});
		dark.addEventListener("change", () => {
			name();
			drawAll();
		});
	}

	// Paper is white: figures are drawn light before printing and as they were afterwards.
	function setUpPrinting() {
		let before = null;
		addEventListener("beforeprint", () => {
			before = root.dataset.theme || "";
			if (!isDark())
				return;
			root.dataset.theme = "light";
			drawAll();
		});
		addEventListener("afterprint", () => {
			if (before === null || before === (root.dataset.theme || ""))
				return;
			if (before)
				root.dataset.theme = before;
			else
				delete root.dataset.theme;
			drawAll();
		});
	}

	function setUpResizing() {
		let waiting = 0;
		addEventListener("resize", () => {
			clearTimeout(waiting);
			waiting = setTimeout(() => {
				for (const figure of figures)
					if (figure.plot.clientWidth !== figure.width)
						redraw(figure);
			}, 150);
		});
	}

	setUpTheme();
	if (typeof vegaEmbed === "function") {
		document.querySelectorAll("figure.drawn").forEach(addFigure);
		setUpPrinting();
		setUpResizing();
		drawAll().then(() => { root.dataset.figures = "drawn"; });
	} else {
		root.dataset.figures = "none";
	}
})();
