/** Where a floating element goes: beside its anchor, turned or shifted so that it stays in the window. */
export type Side = 'bottom' | 'top' | 'right' | 'left';
export type Align = 'start' | 'center' | 'end';
const GAP_PX = 6;
const EDGE_PX = 8;

const opposite: Record<Side, Side> = { bottom: 'top', top: 'bottom', left: 'right', right: 'left' };
const between = (least: number, value: number, most: number) => Math.max(least, Math.min(value, most));

function room(side: Side, anchor: DOMRect): number {
	if (side === 'top') return anchor.top;
	if (side === 'bottom') return innerHeight - anchor.bottom;
	return side === 'left' ? anchor.left : innerWidth - anchor.right;
}

/** Sets `left`, `top` and `max-height` of a fixed element. */
export function place(floating: HTMLElement, anchor: DOMRect, side: Side = 'bottom', align: Align = 'start'): void {
	floating.style.maxHeight = `${innerHeight - 2 * EDGE_PX}px`;
	const { offsetWidth: width, offsetHeight: height } = floating;
	const upright = side === 'top' || side === 'bottom';
	const needed = (upright ? height : width) + GAP_PX + EDGE_PX;
	const taken = room(side, anchor) < needed && room(opposite[side], anchor) > room(side, anchor) ? opposite[side] : side;
	const along = (start: number, end: number, size: number) =>
		align === 'start' ? start : align === 'end' ? end - size : (start + end - size) / 2;
	let left = upright ? along(anchor.left, anchor.right, width) : taken === 'left' ? anchor.left - width - GAP_PX : anchor.right + GAP_PX;
	let top = upright ? (taken === 'top' ? anchor.top - height - GAP_PX : anchor.bottom + GAP_PX) : along(anchor.top, anchor.bottom, height);
	left = between(EDGE_PX, left, Math.max(EDGE_PX, innerWidth - width - EDGE_PX));
	top = between(EDGE_PX, top, Math.max(EDGE_PX, innerHeight - height - EDGE_PX));
	floating.style.left = `${Math.round(left)}px`;
	floating.style.top = `${Math.round(top)}px`;
}
