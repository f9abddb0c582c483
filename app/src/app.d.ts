declare global {
	namespace App {
		interface PageState {
			/** The panel that lies open at the right. */
			panel?: string;
		}
	}
}
export {};
