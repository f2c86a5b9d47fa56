//! The Canvases of the comparison, one a line; a line that begins with `- ` is the kind and the
//! settings of a step in a Canvas that is otherwise right. `\n` is a line break.

/// Right for both.
pub const FINE: &str = r#"
- delay: 2d
- delay: { weekday: monday, at: '10:00' }
- delay: { weekday: MONDAY, at: '10:00' }
- delay: { for: 0s }
- delay: { until: 2026-01-01 }
- delay: P1DT12H
- message: {channel: email, body: hi}
- message: {channel: email, body: ''}
- user_update: {json: ''}
- user_update: {json: '{}'}
- user_update: {attributes: []}
- user_update: {attributes: {}}
- user_update: {attributes: [{}]}
- user_update: {attributes: {a: 1}}
- user_update: {attributes: [{a: 1}]}
- user_update: {attributes: '{{x}}'}
- user_update: {attributes: [{app_id: x}]}
- user_update: {attributes: [{dob: x}]}
- user_update: {attributes: [{gender: x}]}
- user_update: {events: [{app_id: x, name: a, time: 2026-01-01}]}
- user_update: {events: [{email: x, name: a, time: 2026-01-01}]}
- user_update: {events: [{phone: x, name: a, time: 2026-01-01}]}
- user_update: {purchases: [{app_id: x, product_id: a, currency: EUR, price: 1, time: 2026-01-01}]}
- user_update: {purchases: [{email: x, product_id: a, currency: EUR, price: 1, time: 2026-01-01}]}
- user_update: {events: [{name: a, time: '{{x}}', proprties: {b: 5}}]}
- user_update: {purchases: [{product_id: a, currency: EUR, price: '{{x}}', time: 2026-01-01}]}
- user_update: {attributes: [{email_subscribe: opted_in}]}
- user_update: {attributes: [{gender: X}]}
- user_update: {attributes: [{gender: M}]}
- user_update: {attributes: [{gender: null}]}
- user_update: {attributes: [{n: {inc: 1}}]}
- user_update: {attributes: [{n: {inc: '{{x}}'}}]}
- user_update: {attributes: [{n: {inc: 1, add: [x]}}]}
- user_update: {attributes: [{n: {add: x}}]}
- user_update: {attributes: [{n: {add: [x], remove: [y]}}]}
- user_update: {attributes: [{subscription_groups: [{subscription_group_id: a, subscription_state: subscribed}]}]}
- user_update: {attributes: [{current_location: {longitude: 1, latitude: 2}}]}
- user_update: {attributes: [{push_subscribe: opted_in}]}
- user_update: {attributes: [{n: {inc: 9223372036854775807}}]}
- decision_split: {if: 'true'}
- decision_split: {if: true, then: z, else: z}
- audience_paths: {paths: [{name: a, if: true, next: z}]}
- experiment_paths: {paths: [{name: a, weight: 100}]}
- experiment_paths: {paths: [{name: a, weight: 0},{name: b, weight: 100}]}
- context: {set: {a: 1}}
- context: {set: {a: [1,2]}}
- webhook: {url: https://x.example}
- webhook: {url: 'https://x.example', headers: {a: b}}
- webhook: {url: 'https://x.example', method: get, body: x}
- delay: 2d\non_failure: z
canvas: x\nsteps:\n  - id: z\n    exit: done\n
canvas: x\ndescription: hi\nsteps:\n  - id: z\n    exit: done\n
canvas: x\ndescription:\nsteps:\n  - id: z\n    exit: done\n
canvas: x\ntime_zone: Europe/Paris\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nstrict: true\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {api: true}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {event: a}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {event: a, where: 'true'}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {reentry: never}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {reentry: {after: 90d}}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {reentry: {after: 0s}}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {audience: 'true'}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {event: a, api: true}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {event: a, api: false}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {event: null}\nsteps:\n  - id: z\n    exit: done\n
- delay: ' 2d '
- delay: 1d12h
- delay: P2W
- delay: PT15M
- delay: '{{context.${d}}}'
- delay: {for: 2d, at: '09:00:30', zone: user}
- delay: {until: '2026-03-01 10:00 +0100'}
- delay: {for: 2d, until: null}
- message: {channel: email, body: x, subject: null}
- user_update: {attributes: [{email: a@example.com, phone: '+33 1 23 45 67 89', country: FR, dob: 1990-01-01, gender: F, language: fr}]}
- user_update: {attributes: [{orders: {inc: '{{x}}'}, tags: {add: [a], remove: b}, o: {inc: x, other: y}}]}
- user_update: {attributes: [{first_name: null, email_subscribe: '{{x}}', current_location: '{{x}}', subscription_groups: '{{x}}'}]}
- user_update: {attributes: [{"_merge_objects": true, o: {a: {b: 1}}}]}
- user_update: {events: [{name: a, time: '{{x}}', app_id: y, properties: {k: [1, 2]}}]}
- user_update: {events: {name: a, time: 2026-01-01}}
- user_update: {events: ['{{x}}']}
- user_update: {purchases: [{product_id: a, currency: eur, price: '{{x}}', quantity: '{{x}}', time: '{{x}}'}]}
- user_update: {purchases: [{product_id: a, currency: EUR, price: -5, quantity: 100, time: 2026-01-01}]}
- webhook: {url: 'https://example.com:8080/a?b=c#d', headers: {X-Id: '{{x}}'}}
- webhook: {url: '{{context.${url}}}'}
- context: {set: {a: {b: [1, null]}}}
"#;

/// Wrong for both.
pub const WRONG: &str = r#"
- experiment_paths: {paths: [{name: a, weight: .nan},{name: b, weight: 66.667}]}
canvas: x\ncanvas: y\nsteps:\n  - id: z\n    exit: done\n
- delay: {}
- delay:
- delay: ''
- delay: 5
- delay: { for: 2 }
- delay: { for: 2d, until: 2026-01-01 }
- delay: { weekday: monday }
- delay: { zone: user }
- delay: { at: '25:00' }
- delay: { for: 2x }
- delay: {for: 2d, weekday: monday, at: '09:00'}
- delay: { for: null }
- delay: {until: nonsense}
- delay: {for: 1d, att: '09:00'}
- delay: [2d]
- delay: {for: 3y}
- delay: {weekday: mon, at: '09:00'}
- delay: {weekday: someday, at: '09:00'}
- delay: { at: '9:00'}
- delay: {until: 2026-01-01, weekday: monday, at: '10:00'}
- message: {}
- message:
- message: hi
- message: {channel: email}
- message: {channel: email, body: hi, body_file: x.liquid}
- message: {channel: Email, body: x}
- message: {channel: email, body: x, delivery: never}
- message: {channel: email, body: [x]}
- message: {channel: email, subject: hi}
- message: {channel: '', body: x}
- message: {channel: email, body: 5}
- message: {channel: email, body: true}
- message: {channel: email, body: null}
- exit:
- exit: ''
- exit: {}
- exit: 5
- exit: 'a/b'
- exit: x\nnext: z
- exit: x\non_failure: z
- exit: true
- exit: null
- exit: {reason: null}
- user_update: {}
- user_update:
- user_update: {json: 5}
- user_update: {json: '{}', attributes: [{a: 1}]}
- user_update: {timeout: 10m}
- user_update: {json: '{"attributes":[{"a":1}]}', timeout: 10}
- user_update: {json: '{"attributes":[{"a":1}]}', timeout: soon}
- user_update: {attributes: 5}
- user_update: {attributes: null}
- user_update: {attributes: text}
- user_update: {attributes: [5]}
- user_update: {attributes: [{external_id: x}]}
- user_update: {attributes: [{braze_id: x}]}
- user_update: {attributes: [{user_alias: x}]}
- user_update: {attributes: [{push_token_import: x}]}
- user_update: {attributes: [{push_tokens: x}]}
- user_update: {attributes: [{api_key: x}]}
- user_update: {attributes: [{email: x}]}
- user_update: {attributes: [{phone: x}]}
- user_update: {attributes: [{_update_existing_only: x}]}
- user_update: {attributes: [{_merge_objects: x}]}
- user_update: {events: [{external_id: x, name: a, time: 2026-01-01}]}
- user_update: {events: [{braze_id: x, name: a, time: 2026-01-01}]}
- user_update: {events: [{user_alias: x, name: a, time: 2026-01-01}]}
- user_update: {events: [{api_key: x, name: a, time: 2026-01-01}]}
- user_update: {events: [{push_tokens: x, name: a, time: 2026-01-01}]}
- user_update: {events: [{push_token_import: x, name: a, time: 2026-01-01}]}
- user_update: {purchases: [{external_id: x, product_id: a, currency: EUR, price: 1, time: 2026-01-01}]}
- user_update: {purchases: [{braze_id: x, product_id: a, currency: EUR, price: 1, time: 2026-01-01}]}
- user_update: {purchases: [{user_alias: x, product_id: a, currency: EUR, price: 1, time: 2026-01-01}]}
- user_update: {events: [{name: a}]}
- user_update: {events: [{time: 2026-01-01}]}
- user_update: {events: [{name: '', time: 2026-01-01}]}
- user_update: {events: [{name: 5, time: 2026-01-01}]}
- user_update: {events: [{name: a, time: nonsense}]}
- user_update: {events: [{name: a, time: '{{x}}', properties: 5}]}
- user_update: {events: [{name: a, time: '{{x}}', properties: {time: 5}}]}
- user_update: {purchases: [{product_id: a, currency: EUR, price: 1}]}
- user_update: {purchases: [{product_id: a, currency: EURO, price: 1, time: 2026-01-01}]}
- user_update: {purchases: [{product_id: a, currency: EUR, price: '1', time: 2026-01-01}]}
- user_update: {purchases: [{product_id: a, currency: EUR, price: 1, quantity: 0, time: 2026-01-01}]}
- user_update: {purchases: [{product_id: a, currency: EUR, price: 1, quantity: 101, time: 2026-01-01}]}
- user_update: {purchases: [{product_id: a, currency: EUR, price: 1, quantity: 1.5, time: 2026-01-01}]}
- user_update: {attributes: [{email_subscribe: maybe}]}
- user_update: {attributes: [{first_name: 5}]}
- user_update: {attributes: [{email: nope}]}
- user_update: {attributes: [{n: {inc: 1.5}}]}
- user_update: {attributes: [{n: {inc: x}}]}
- user_update: {attributes: [{'': 5}]}
- user_update: {attributes: [{subscription_groups: [{subscription_group_id: a}]}]}
- user_update: {attributes: [{current_location: {longitude: 1}}]}
- user_update: {attributes: [{email_open_tracking_disabled: 5}]}
- user_update: {attributes: [{_merge_objects: 5}]}
- user_update: {users: []}
- user_update: {attributes: [{a: 1}], partner: x}
- user_update: {attributes: [{n: {inc: 1e400}}]}
- decision_split: {}
- decision_split: true
- decision_split: {if: 5}
- decision_split: {if: ''}
- decision_split: {if: true, then: 5}
- decision_split: {if: true, then: Z Z}
- decision_split: {if: true, then: ''}
- audience_paths: {}
- audience_paths: {paths: []}
- audience_paths: {paths: [{name: a}]}
- audience_paths: {paths: [{name: '', if: true}]}
- audience_paths: [{name: a, if: true}]
- audience_paths: {paths: [{name: else, if: true}]}
- audience_paths: {paths: [{name: next, if: true}]}
- audience_paths: {paths: [{name: p0, if: true},{name: p1, if: true},{name: p2, if: true},{name: p3, if: true},{name: p4, if: true},{name: p5, if: true},{name: p6, if: true},{name: p7, if: true},{name: p8, if: true}]}
- audience_paths: {paths: [{name: a, if: true, then: z}]}
- audience_paths: {paths: [{name: on_failure, if: true}]}
- experiment_paths: {}
- experiment_paths: {paths: [{name: a, weight: -1},{name: b, weight: 101}]}
- experiment_paths: {paths: [{name: a, weight: '50'},{name: b, weight: 50}]}
- context: {}
- context: {set: {}}
- context: {set: 5}
- context: {set: []}
- context: {set: {a b: 1}}
- context: {set: null}
- context: {set: {a0: 1, a1: 1, a2: 1, a3: 1, a4: 1, a5: 1, a6: 1, a7: 1, a8: 1, a9: 1, a10: 1}}
- context: {a: 1}
- context: {set: {'': 1}}
- context: {set: text}
- webhook: {}
- webhook: https://x.example
- webhook: {url: ''}
- webhook: {url: x, method: GET}
- webhook: {url: 'https://x.example', method: post, headers: {a: 1}}
- webhook: {url: 'https://x.example', body: {a: 1}}
- webhook: {url: 'ftp://x.example'}
- webhook: {url: 'https://x.example', headers: [a]}
- webhook: {url: 'https://x.example', headers: {'a b': c}}
- webhook: {url: 'https://u:p@x.example'}
- nonsense: {}
- delay: 2d\nexit: x
- delay: 2d\nnext: 5
- delay: 2d\nnext: ''
- delay: 2d\nnext: null
- delay: 2d\nnext:
- delay: 2d\nfoo: bar
- next: z
- delay: 2d\non_timeout: z
- delay: 2d\non_failure: null
- delay: 2d\nnext: Z
canvas: X\nsteps:\n  - id: z\n    exit: done\n
canvas: 5\nsteps:\n  - id: z\n    exit: done\n
canvas: ''\nsteps:\n  - id: z\n    exit: done\n
canvas:\nsteps:\n  - id: z\n    exit: done\n
\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nfoo: 1\nsteps:\n  - id: z\n    exit: done\n
canvas: x\ndescription: 5\nsteps:\n  - id: z\n    exit: done\n
canvas: x\ntime_zone: 5\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nstrict: 'true'\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry:\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: api\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {event: ''}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {event: 5}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {where: 'true'}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {api: true, where: 'true'}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {reentry: sometimes}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {reentry: {after: 90}}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {reentry: {after: soon}}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {reentry: {}}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {reentry: true}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {audience: ''}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {audience: 5}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: {schedule: daily}\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nexit_when: []\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nexit_when: [{event: a}]\nsteps:\n  - id: z\n    exit: done\n
canvas: 1x\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nentry: []\nsteps:\n  - id: z\n    exit: done\n
canvas: x\n
canvas: x\nsteps:\n
canvas: x\nsteps: []\n
canvas: x\nsteps: {}\n
canvas: x\nsteps: [5]\n
canvas: x\nsteps: [null]\n
canvas: x\nsteps:\n - exit: a\n
canvas: x\nsteps:\n - id: A\n   exit: a\n
canvas: x\nsteps:\n - id: 5\n   exit: a\n
canvas: x\nsteps:\n - id: a\n
[]\n
x\n
5\n
null\n
{}\n

"#;

/// Wrong, and no schema can tell: sums, ids, ways, zones, what stands in a text.
pub const WRONG_BEYOND_A_SCHEMA: &str = r#"
- delay: { at: 09:00 }
- delay: {for: 2d, zone: Mars}
- exit: done
- exit: {reason: x}
- user_update: {json: '[]'}
- user_update: {json: '{"attributes":[{"a":1}]}', timeout: 0s}
- user_update: {attributes: [{n: {inc: 9223372036854775808}}]}
- user_update: {json: '{"attributes":[{"n":{"inc":9223372036854775808}}]}'}
- decision_split: {if: '1 ==', then: z}
- decision_split: {if: true, then: nowhere}
- audience_paths: {paths: [{name: a, if: true}, {name: a, if: false}]}
- experiment_paths: {paths: [{name: a, weight: 60},{name: b, weight: 60}]}
- experiment_paths: {paths: [{name: a, weight: 50},{name: a, weight: 50}]}
- experiment_paths: {paths: [{name: a, weight: 33.333},{name: b, weight: 66.667}]}
- delay: 2d\nnext: nowhere
canvas: x\ntime_zone: Mars\nsteps:\n  - id: z\n    exit: done\n
canvas: x\ntime_zone: user\nsteps:\n  - id: z\n    exit: done\n
canvas: x\nsteps:\n - id: a\n   exit: x\n - id: a\n   exit: x\n
"#;
