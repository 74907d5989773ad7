package dashboard

import "html/template"

// icon draws a shape of 16 by 16 units. Every shape stands beside its word, so that screen readers pass it over.
func icon(name string) template.HTML {
	paths := map[string]template.HTML{
		"ring":   `<circle cx="8" cy="8" r="5.5"/>`,
		"dot":    `<circle cx="8" cy="8" r="5.5"/><circle cx="8" cy="8" r="2" fill="currentColor"/>`,
		"target": `<circle cx="8" cy="8" r="6"/><circle cx="8" cy="8" r="2.5"/>`,
		"play":   `<circle cx="8" cy="8" r="6.5" fill="currentColor" stroke="none"/><path d="M6.5 5.2 11 8l-4.5 2.8Z" fill="var(--card)" stroke="none"/>`,
		"pause":  `<circle cx="8" cy="8" r="6"/><path d="M6.3 5.8v4.4M9.7 5.8v4.4"/>`,
		"check":  `<circle cx="8" cy="8" r="6.5" fill="currentColor" stroke="none"/><path d="m5.2 8.2 2 2 3.6-4" stroke="var(--card)"/>`,
		"cross":  `<path d="M5 1.5h6L14.5 5v6L11 14.5H5L1.5 11V5Z" fill="currentColor" stroke="none"/><path d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4" stroke="var(--card)"/>`,
		"slash":  `<circle cx="8" cy="8" r="6"/><path d="m4 12 8-8"/>`,
		"dash":   `<circle cx="8" cy="8" r="6"/><path d="M5.5 8h5"/>`,
		"sun":    `<circle cx="8" cy="8" r="3"/><path d="M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1"/>`,
		"moon":   `<path d="M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z"/>`,
		"auto":   `<circle cx="8" cy="8" r="6"/><path d="M8 2a6 6 0 0 1 0 12Z" fill="currentColor"/>`,
		"search": `<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3.5 3.5"/>`,
		"out":    `<path d="M6 3h7v3M13 3 7 9M10.5 9.5V13H3V5.5h3.5"/>`,
	}
	return `<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">` + paths[name] + `</svg>`
}
