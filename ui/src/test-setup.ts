// The language of every test is the one that the test chooses, not that of the machine.

import { beforeEach } from 'vitest';
import { language } from './lib/locale.svelte';

// The document of the tests knows no popover; what it is for, lying above everything, cannot be seen here anyway.
HTMLElement.prototype.showPopover ??= () => {};
HTMLElement.prototype.hidePopover ??= () => {};

beforeEach(() => language.choose('en'));
