"""Rewrites of conditions: tests, and the turns of loops that they decide about.

- `cut`, `peel`: a loop becomes two of fewer turns; `guard`: one of more turns, and a test;
  `tighten`: one of fewer turns, without the test;
- `predicate`, `branch`: a test around statements, or at what they read and store;
- `unswitch`: a test that is the same in all turns of a loop is made once;
- `version`: two programs, by sizes.
"""
