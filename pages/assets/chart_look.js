// What Bluetit's charts have in common: how they read the theme, and how axes, titles and what the pointer finds look.

const CHART_NOT_LOADED = "The chart could not be loaded. Look at your connection and reload the page.";
const CHART_CONFIG = { displayModeBar: false, doubleClick: false, showTips: false };

// Gives a value of Streamlit's theme by its name, such as "text-color"; empty where there is none.
function themeOf(element) {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(`--st-${name}`).trim();
}

// Colours for lines and classes, as the theme lists them; empty where it has none.
function listedColours(read) {
  return read("chart-categorical-colors").split(/,(?![^(]*\))/u).map((colour) => colour.trim()).filter(Boolean);
}

function axisLook(colours) {
  return {
    color: colours.quiet,
    gridcolor: colours.grid,
    zeroline: false,
    showline: false,
    ticks: "",
    ticklabelstandoff: 6,
    fixedrange: true,
  };
}

function figureLook(colours, { tipPx = 13 } = {}) {
  return {
    showlegend: false,
    hoverlabel: {
      bgcolor: colours.background,
      bordercolor: colours.grid,
      font: { family: colours.font, size: tipPx, color: colours.text },
    },
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: colours.font, size: 12, color: colours.text },
  };
}

// A title above a panel whose upper edge is at `y`, 0 to 1 of the drawing's height.
function panelTitle(text, y, yshift, colours) {
  return {
    text,
    xref: "paper",
    yref: "paper",
    x: 0,
    y,
    xanchor: "left",
    yanchor: "bottom",
    xshift: -3, // the room that Plotly leaves around text
    yshift,
    showarrow: false,
    font: labelFont(colours),
  };
}

function labelFont(colours) {
  return { size: 13, weight: 600, color: colours.text };
}
