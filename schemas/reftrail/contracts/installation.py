"""Where an installation's Kafka is and how its topics are called: what every host needs to know."""

from pydantic_settings import BaseSettings, SettingsConfigDict

from reftrail.contracts.topics import DEFAULT_PREFIX, Topic


class Installation(BaseSettings):
    """Read from REFTRAIL_* variables; the base of each host's own settings class."""

    model_config = SettingsConfigDict(env_prefix="REFTRAIL_", frozen=True, env_ignore_empty=True)

    bootstrap_servers: str
    topic_prefix: str = DEFAULT_PREFIX

    def name_of(self, topic: Topic) -> str:
        """What the topic is called on this installation's broker."""
        return topic.full_name(self.topic_prefix)
