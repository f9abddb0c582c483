/** The shapes that base writes out by hand name nothing that the provider does not send. Checked by `npm run check`. */
import type { Me, Member, MemberDevice, ProviderInfo, SpaceSummary } from '../types';
import type { components } from './api';

type Sent = components['schemas'];
/** Names of ours that the provider does not send: never. */
type Unsent<Ours, Name extends keyof Sent> = Exclude<keyof Ours, keyof Sent[Name]>;
type Nothing<T extends never> = T;

export type Agreement = [
	Nothing<Unsent<Me, 'Me'>>,
	Nothing<Unsent<Me['account'], 'Person'>>,
	Nothing<Unsent<SpaceSummary, 'SpaceSummary'>>,
	Nothing<Unsent<Member, 'MemberShape'>>,
	Nothing<Unsent<MemberDevice, 'MemberDevice'>>,
	Nothing<Unsent<ProviderInfo, 'ProviderShape'>>
];
