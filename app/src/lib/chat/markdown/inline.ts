/**
 * Reads emphasis, code, links and mentions of one paragraph. Runs in linear time: nesting and every look ahead are bounded.
 *
 * Source: the emphasis rules of CommonMark 0.31, narrowed: a mark inside a word is no mark, so that "Kolleg*innen" and
 * "2*3*4" stay as typed.
 */
import type { Inline, Mentionable } from './ast';
import { safeHref } from './href';

export const INLINE_DEPTH_MAX = 8;
const MARKS_TOGETHER_MAX = 6;

const WORD = /[\p{L}\p{N}]/u;
const SPACE = /\s/;
const LINK = /\[([^[\]\n]{1,500})\]\(((?:[^\s()<>]|\([^\s()<>]{0,200}\)){1,2000})\)/y;
const ADDRESS = /(?:https?:\/\/|www\.)[^\s<>"`]{1,2000}/iy;
const MAIL = /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/uy;
const TICKS = /`+/y;
const LONG_RUN = /\*{4,}|_{4,}|~{4,}/y;
const PUNCTUATION = /[!-/:-@[-`{-~]/;

type Mark = '**' | '__' | '*' | '_' | '~~';
const MARK_TYPE: Record<Mark, 'strong' | 'em' | 'strike'> = {
	'**': 'strong',
	__: 'strong',
	'*': 'em',
	_: 'em',
	'~~': 'strike'
};

interface Frame {
	mark: Mark | null;
	children: Inline[];
}

/** Text of one paragraph → its parts; `people` are those whom the message mentions. */
export function parseInline(source: string, people: readonly Mentionable[] = [], linked = true): Inline[] {
	return new InlineReader(source, people, linked).read();
}

class InlineReader {
	private at = 0;
	private plain = '';
	private readonly frames: Frame[] = [{ mark: null, children: [] }];
	private readonly closedTicks = new Map<number, number>();

	constructor(
		private readonly source: string,
		private readonly people: readonly Mentionable[],
		private readonly linked: boolean
	) {}

	read(): Inline[] {
		while (this.at < this.source.length) {
			if (!this.readSpecial(this.source[this.at]!)) this.plain += this.source[this.at++];
		}
		while (this.frames.length > 1) this.dissolveTop();
		this.flush();
		return this.frames[0]!.children;
	}

	private readSpecial(char: string): boolean {
		switch (char) {
			case '\n':
				return this.take(1, { type: 'break' });
			case '\\':
				return this.readEscape();
			case '`':
				return this.readCode();
			case '*':
			case '_':
			case '~':
				return this.readMark(char);
			case '[':
				return this.linked && this.readLink();
			case '@':
				return this.readMention();
			default:
				return this.linked && this.readBareAddress();
		}
	}

	private readEscape(): boolean {
		const next = this.source[this.at + 1];
		if (next === undefined || !PUNCTUATION.test(next)) return false;
		this.plain += next;
		this.at += 2;
		return true;
	}

	private readCode(): boolean {
		const ticks = matchAt(TICKS, this.source, this.at)![0];
		const end = this.closingTicks(ticks.length);
		if (end < 0) {
			this.plain += ticks;
			this.at += ticks.length;
			return true;
		}
		const text = this.source.slice(this.at + ticks.length, end).replaceAll('\n', ' ');
		const trimmed = /^ .*\S.* $/.test(text) ? text.slice(1, -1) : text;
		return this.take(end + ticks.length - this.at, { type: 'code', text: trimmed });
	}

	/** Position of the next run of exactly `length` ticks after this one, or -1; a failed search is remembered. */
	private closingTicks(length: number): number {
		if (this.closedTicks.get(length) === -1) return -1;
		const run = /`+/g;
		run.lastIndex = this.at + length;
		for (let hit = run.exec(this.source); hit !== null; hit = run.exec(this.source)) {
			if (hit[0].length === length) return hit.index;
		}
		this.closedTicks.set(length, -1);
		return -1;
	}

	private readMark(char: string): boolean {
		const run = matchAt(LONG_RUN, this.source, this.at);
		if (run) {
			this.plain += run[0];
			this.at += run[0].length;
			return true;
		}
		const double = this.source[this.at + 1] === char;
		if (char === '~' && !double) return false;
		const single = char as Mark;
		if (this.topMark() === single && this.canClose(1)) return this.close(single);
		const mark = (double ? char + char : char) as Mark;
		if (this.canClose(mark.length) && this.frames.some((frame) => frame.mark === mark)) return this.close(mark);
		if (this.canOpen(mark.length) && this.frames.length <= INLINE_DEPTH_MAX) return this.open(mark);
		this.plain += mark;
		this.at += mark.length;
		return true;
	}

	private topMark(): Mark | null {
		return this.frames[this.frames.length - 1]!.mark;
	}

	private canOpen(length: number): boolean {
		const before = this.before();
		let end = this.at + length;
		const last = end + MARKS_TOGETHER_MAX;
		while (end < last && '*_~'.includes(this.source[end] ?? ' ')) end += 1;
		const after = this.source[end];
		return !WORD.test(before) && after !== undefined && !SPACE.test(after);
	}

	private canClose(length: number): boolean {
		const before = this.before();
		const after = this.source[this.at + length] ?? ' ';
		return before !== '' && !SPACE.test(before) && !WORD.test(after);
	}

	private before(): string {
		return this.source[this.at - 1] ?? '';
	}

	private open(mark: Mark): boolean {
		this.flush();
		this.frames.push({ mark, children: [] });
		this.at += mark.length;
		return true;
	}

	private close(mark: Mark): boolean {
		while (this.topMark() !== mark) this.dissolveTop();
		this.flush();
		const { children } = this.frames.pop()!;
		return this.take(mark.length, { type: MARK_TYPE[mark], children });
	}

	/** An opening mark that nothing closes is text again. */
	private dissolveTop(): void {
		this.flush();
		const frame = this.frames.pop()!;
		const below = this.frames[this.frames.length - 1]!.children;
		pushText(below, frame.mark!);
		for (const child of frame.children) {
			if (child.type === 'text') pushText(below, child.text);
			else below.push(child);
		}
	}

	private readLink(): boolean {
		const hit = matchAt(LINK, this.source, this.at);
		const href = hit && safeHref(hit[2]!);
		if (!hit || !href) return false;
		return this.take(hit[0].length, { type: 'link', href, children: parseInline(hit[1]!, [], false) });
	}

	private readMention(): boolean {
		if (WORD.test(this.before())) return false;
		let best: { account: string; text: string } | null = null;
		for (const { account, names } of this.people) {
			for (const name of names) {
				const longer = name !== '' && name.length + 1 > (best?.text.length ?? 0);
				if (!longer || !this.source.startsWith(name, this.at + 1)) continue;
				if (WORD.test(this.source[this.at + 1 + name.length] ?? ' ')) continue;
				best = { account, text: '@' + name };
			}
		}
		return best !== null && this.take(best.text.length, { type: 'mention', ...best });
	}

	private readBareAddress(): boolean {
		const char = this.source[this.at]!;
		if (!WORD.test(char) || WORD.test(this.before())) return false;
		const hit = matchAt(ADDRESS, this.source, this.at);
		if (hit) {
			const text = withoutTrailingPunctuation(hit[0]);
			const href = safeHref(/^www\./i.test(text) ? `https://${text}` : text);
			return href !== null && this.take(text.length, { type: 'link', href, children: [{ type: 'text', text }] });
		}
		const mail = matchAt(MAIL, this.source, this.at)?.[0].replace(/[.-]+$/, '');
		const href = mail ? safeHref(`mailto:${mail}`) : null;
		if (!mail || !href || !mail.split('@')[1]!.includes('.')) return false;
		return this.take(mail.length, { type: 'link', href, children: [{ type: 'text', text: mail }] });
	}

	private take(length: number, part: Inline): true {
		this.flush();
		this.frames[this.frames.length - 1]!.children.push(part);
		this.at += length;
		return true;
	}

	private flush(): void {
		if (this.plain === '') return;
		pushText(this.frames[this.frames.length - 1]!.children, this.plain);
		this.plain = '';
	}
}

function pushText(children: Inline[], text: string): void {
	const last = children[children.length - 1];
	if (last?.type === 'text') last.text += text;
	else children.push({ type: 'text', text });
}

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
	pattern.lastIndex = at;
	return pattern.exec(source);
}

/** "(siehe https://a.de)." ends the address before ")."; "https://a.de/x_(y)" keeps its bracket. */
function withoutTrailingPunctuation(address: string): string {
	let end = address.length;
	let open = count(address, '(') - count(address, ')');
	while (end > 0) {
		const last = address[end - 1]!;
		if (last === ')' && open < 0) open += 1;
		else if (!/[.,;:!?'"*_~…«»“”‘’\]]/.test(last)) break;
		end -= 1;
	}
	return address.slice(0, end);
}

function count(text: string, char: string): number {
	return text.split(char).length - 1;
}
