/** What roles are called. */
import * as m from '$messages';

const NAMES: Record<string, () => string> = { owner: m.spaces_role_owner, admin: m.spaces_role_admin, member: m.spaces_role_member, guest: m.spaces_role_guest };

export const roleName = (role: string | null) => (role ? (NAMES[role]?.() ?? role) : '');
