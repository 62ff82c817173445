"""How a kind over HTTP proves who we are: the part of the kit about tokens and signatures; by default nothing is asked.

A kind whose key goes along with each request as it is puts it there itself, in `request`.
"""

from collections.abc import Mapping
from typing import ClassVar

from app.domain.exact_request import HIDDEN
from app.infra.http import HttpReply, HttpRequest
from app.providers.base import Account


class SignIn:
    """What a kind writes whose service wants a token (`sign_in`) or a signature of each request (`authorize`).

    `proof` are the headers that these add, for people to read: … stands for what they prove.
    """

    proof: ClassVar[Mapping[str, str]] = {}

    async def sign_in(self, account: Account, *, refused: str = "") -> Mapping[str, str]:
        """Headers with a token that proves who we are, good for any request of this moment; none when none is needed.

        `refused` is the authorization header that the service has just turned down. Raises NotAuthorized.
        """
        return {}

    async def authorize(self, account: Account, request: HttpRequest, *, refused: str = "") -> HttpRequest:
        """The request with what proves who we are; written anew only where that covers the whole request.

        `refused` is the authorization header that the service has just turned down. Raises NotAuthorized.
        """
        return request.with_headers(await self.sign_in(account, refused=refused))

    def wants_new_token(self, reply: HttpReply) -> bool:
        """Whether the service turned the token down and nothing else, so that a fresh one helps."""
        return False

    @property
    def proof_shown(self) -> Mapping[str, str]:
        """`proof`, or for a kind that says nothing of it the header that most services know."""
        is_added = self.signs_each or type(self).sign_in is not SignIn.sign_in
        return self.proof or ({"authorization": HIDDEN} if is_added else {})

    @property
    def signs_each(self) -> bool:
        """Whether each request is authorized by itself, instead of with the headers of one sign-in."""
        return type(self).authorize is not SignIn.authorize
