import os
from openai import OpenAI
client = OpenAI(
api_key=os.environ["BACKBONE_API_KEY"],
base_url="https://backbone.manfred-kunze.dev/api/v1"
)
