"""Only machines whose owner agreed are loaded. Without consent that is this machine, and no other.

    origin(url)            what the URL names, in one spelling                       address.py
    permitted(origin, …)   → Permit: the addresses that may be loaded, and how far   consent.py
        this machine       no consent needed
        elsewhere          a statement at /.well-known/surgekit-consent, read from   wellknown.py
                           every address, or in DNS and every address has the        txt.py
                           certificate of the name
    allowed(permit, url)   where a URL in a reply may lead                           permit.py
    kill.heeded(file)      a file that, once it is there, ends everything            kill.py
    allowance.…            how many orders a run has, and how many it may send       allowance.py

A name is looked up once. What was checked is what is connected to, by this process and by those that read the permit
from ``run.json``: a name that means another machine a second later (DNS rebinding) is never asked again.
"""

from surgekit.safety.address import Origin, is_loopback, origin
from surgekit.safety.consent import permitted, resolved
from surgekit.safety.permit import Permit, allowed
from surgekit.safety.resolver import Resolver, System, Texts
from surgekit.safety.statement import new_token, text_to_publish, token_from
from surgekit.safety.txt import txt_name
from surgekit.safety.wellknown import Dial, dial, well_known_url

__all__ = [
    "Dial", "Origin", "Permit", "Resolver", "System", "Texts", "allowed", "dial", "is_loopback", "new_token", "origin",
    "permitted", "resolved", "text_to_publish", "token_from", "txt_name", "well_known_url",
]  # fmt: skip
