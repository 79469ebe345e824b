import { ActionIcon, AppShell, Burger, Group, NavLink, Tooltip } from '@mantine/core';
import { useDisclosure, useReducedMotion } from '@mantine/hooks';
import { useCallback, useEffect, useRef, type ReactElement, type ReactNode } from 'react';
import { Link, useLocation } from 'react-router';
import { useLive } from '../live/use-live.js';
import { Icon } from '../parts/icon.js';
import { Help } from './help.js';
import { places } from './places.js';
import { SchemeToggle } from './scheme-toggle.js';
import { Search } from './search.js';
import { SignOut } from './sign-out.js';
import { useKeys } from './use-keys.js';

/** What stands around every page: the way to the others, the search, the keys. */
export function Shell({ children }: { readonly children: ReactNode }): ReactElement {
  const [isMenuOpen, menu] = useDisclosure();
  const [isHelpOpen, help] = useDisclosure();
  const search = useRef<HTMLInputElement>(null);
  const content = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const isCalm = useReducedMotion(undefined, { getInitialValueInEffect: false });
  useKeys({ focusSearch: useCallback(() => search.current?.focus(), []), showHelp: help.open });
  useLive();
  const { close } = menu;
  useEffect(close, [pathname, close]);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 200, breakpoint: 'sm', collapsed: { mobile: !isMenuOpen } }}
      padding="md"
      transitionDuration={isCalm ? 0 : 150}
    >
      <AppShell.Header className="shell-bar">
        <a
          href="#content"
          className="skip-link"
          onClick={(event) => {
            // By itself it would lead to the `<base>` of the page, which is the overview.
            event.preventDefault();
            content.current?.focus();
          }}
        >
          Skip to the content
        </a>
        <Group h="100%" px="md" gap="sm" wrap="nowrap">
          <Burger
            opened={isMenuOpen}
            onClick={menu.toggle}
            hiddenFrom="sm"
            size="sm"
            aria-label={isMenuOpen ? 'Close the menu' : 'Open the menu'}
          />
          <Link to="/" className="brand">
            <img src="rook.svg" alt="" width={28} height={28} />
            <span className="only-wide">Rookery</span>
          </Link>
          <Search field={search} />
          <SchemeToggle />
          <SignOut />
          <Tooltip label="Keys (?)">
            <ActionIcon
              variant="default"
              size="lg"
              onClick={help.open}
              aria-label="Show the keys"
              visibleFrom="sm"
            >
              <Icon name="help" />
            </ActionIcon>
          </Tooltip>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" className="shell-bar" aria-label="Pages">
        {places.map(({ to, name, icon }) => {
          const isHere = to === '/' ? pathname === '/' : pathname.startsWith(to);
          return (
            <NavLink
              key={to}
              component={Link}
              to={to}
              label={name}
              leftSection={<Icon name={icon} />}
              active={isHere}
              aria-current={isHere ? 'page' : undefined}
              className="nav-link"
            />
          );
        })}
      </AppShell.Navbar>
      <AppShell.Main className="shell-main" id="content" ref={content} tabIndex={-1}>
        <div className="content">{children}</div>
      </AppShell.Main>
      <Help isOpen={isHelpOpen} onClose={help.close} />
    </AppShell>
  );
}
