// The language of every test is the one that the test chooses, not that of the machine.

import { beforeEach } from 'vitest';
import { language } from './lib/locale.svelte';

beforeEach(() => language.choose('en'));
