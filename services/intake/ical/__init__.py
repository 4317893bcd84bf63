"""iCalendar (RFC 5545) in: holidays and absences out of VEVENTs.

`content_lines` finds the events and knows their lines, `values` reads one property, `event` one
event, `recurrence` repeats it, and `importing` makes holidays or absences of a whole file. A file
is taken whole or refused whole, with the line, the event and the reason of each fault.

Content lines and values are read by `icalendar`, repetition is `dateutil`'s. Components are found
here and not by `icalendar`, because it passes over what it cannot read, forgets lines, and expands
whatever rule a VTIMEZONE brings along; time zones are taken by name instead.
"""
