/**
 * chat: conversation in a space. The shell calls `startChat` once, before any space is followed. Components are imported by
 * their own file (`ConversationView`, `MemberPanel`, `SearchResult`, `ChannelDialog`), so that the first load stays small.
 */
export { Chat, startChat, useChat } from './chat.svelte';
