/** Lengths as people read them. */
export function clock(seconds: number): string {
	const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
	const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
	const two = (value: number) => String(value).padStart(2, '0');
	return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** 108 minutes → {hours: 1, minutes: 48}; at least one minute. */
export function split(ms: number): { hours: number; minutes: number } {
	const minutes = Math.max(1, Math.round(ms / 60_000));
	return { hours: Math.floor(minutes / 60), minutes: minutes % 60 };
}
