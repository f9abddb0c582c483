/** What is unread: counts up as messages come, and says in the personal space how far this person has read. */
import type { ChannelSummary, CoreId, Fact, SpaceId, Sync } from '$lib/base';
import { CHANNEL_OPENED, CHANNEL_READ } from './fold';
import { orderOf, type Row } from './message';

export const MARK_AFTER_MS = 700;

interface Mark {
	space: SpaceId;
	channel: CoreId | null;
	t: string;
	id: string;
}

export class Unread {
	private readonly due = new Map<string, ReturnType<typeof setTimeout>>();
	private readonly marked = new Map<string, string>();

	constructor(private readonly sync: Sync) {}

	/** What the sidebar shows for a channel. */
	of(space: SpaceId, channel: CoreId | null): { unread: number; mentions: number } {
		const summary = this.summary(space, channel);
		return { unread: summary?.unread ?? 0, mentions: summary?.mentions ?? 0 };
	}

	/** The order of the last message that was read. */
	markOf(space: SpaceId, channel: CoreId | null): string {
		const told = (this.summary(space, channel) as { read?: string } | undefined)?.read ?? '';
		const own = this.marked.get(keyOf(space, channel)) ?? '';
		return own > told ? own : told;
	}

	/** A message came. What the counts of the provider cover already is not counted again. */
	takeMessage(space: SpaceId, row: Row, at: number | null): void {
		const summary = this.summary(space, row.channel as CoreId | null);
		if (!summary || at === null || at <= (summary.last_at ?? 0)) return;
		summary.last_at = at;
		if (row.author === this.sync.me.account.id || orderOf(row) <= this.markOf(space, row.channel as CoreId | null)) return;
		summary.unread += 1;
		if (row.mentions.includes(this.sync.me.account.id)) summary.mentions += 1;
	}

	/** Everything up to this message was seen: the counts vanish at once, the mark follows. */
	read(mark: Mark): void {
		const key = keyOf(mark.space, mark.channel);
		const summary = this.summary(mark.space, mark.channel);
		if (summary) Object.assign(summary, { unread: 0, mentions: 0 });
		const order = orderOf(mark);
		if (order <= this.markOf(mark.space, mark.channel)) return;
		this.marked.set(key, order);
		clearTimeout(this.due.get(key));
		this.due.set(key, setTimeout(() => void this.tell(key, mark), MARK_AFTER_MS));
	}

	/** Another device of this person has read. */
	takeMark(fact: Fact): void {
		const body = fact.body as { space: SpaceId; channel?: CoreId | null; read: string; id: string } | null;
		if (!body || fact.by !== this.sync.me.account.id) return;
		const channel = body.channel ?? null;
		const order = body.read + body.id;
		if (order <= this.markOf(body.space, channel)) return;
		this.marked.set(keyOf(body.space, channel), order);
		const summary = this.summary(body.space, channel);
		if (summary) Object.assign(summary, { unread: 0, mentions: 0 });
	}

	/** A channel was opened or renamed. */
	takeChannel(fact: Fact): void {
		const space = this.sync.space(fact.space);
		const body = fact.body as { title: string; channel?: CoreId } | null;
		if (!space || !body || fact.state === 'refused') return;
		if (fact.kind !== CHANNEL_OPENED) {
			const renamed = space.channels.find((channel) => channel.id === body.channel);
			if (renamed) renamed.title = body.title;
		} else if (!space.channels.some((channel) => channel.id === fact.id)) {
			space.channels.push({ id: fact.id, title: body.title, unread: 0, mentions: 0, last_at: null });
		}
	}

	/** A mark that cannot be written down is made again by the next one. */
	private tell(key: string, mark: Mark): Promise<unknown> {
		this.due.delete(key);
		const body = { space: mark.space, channel: mark.channel, read: mark.t, id: mark.id };
		return this.sync.post(this.sync.me.personal, CHANNEL_READ, body).catch(() => undefined);
	}

	private summary(space: SpaceId, channel: CoreId | null): ChannelSummary | undefined {
		return this.sync.space(space)?.channels.find((summary) => summary.id === channel);
	}
}

function keyOf(space: SpaceId, channel: CoreId | null): string {
	return `${space}/${channel ?? ''}`;
}
