"""A recurrent policy in reinforcement learning: episodes end in mid-rollout, and one call with resets learns from them.

The task needs memory. At the first step of an episode the agent sees a sign, left or right; some steps later, at the
end, it is asked and must answer. Episodes of different lengths follow one another in every row of a rollout. The
learning is that of PPO (Schulman et al. 2017). Run it with

    python examples/rollout_with_resets.py
"""

import torch
from torch import nn
from torch.distributions import Categorical

import cellwright as cw


class Signs:
    """Rows of environments: what they show is `[B, 3]`: the sign at the start, the question at the end."""

    def __init__(self, rows, shortest=3, longest=7):
        self.rows, self.shortest, self.longest = rows, shortest, longest
        self.left = torch.zeros(rows, dtype=torch.long)
        self.sign = torch.zeros(rows)
        self.begin(torch.ones(rows, dtype=torch.bool))

    def begin(self, ended):
        """New episodes where the last ones have ended."""
        self.new = ended
        length = torch.randint(self.shortest, self.longest + 1, (self.rows,))
        self.left = torch.where(ended, length, self.left)
        self.sign = torch.where(ended, torch.randint(2, (self.rows,)) * 2.0 - 1, self.sign)

    def seen(self):
        """What the agent sees now."""
        asked = (self.left == 1).float()
        return torch.stack([self.sign * self.new, asked, torch.ones(self.rows)], -1)

    def act(self, action):
        """Answer if asked: the rewards, and which episodes have ended."""
        asked = self.left == 1
        reward = torch.where(asked, (action * 2.0 - 1) * self.sign, 0.0)
        self.left = self.left - 1
        self.begin(asked)
        return reward, asked


class Agent(nn.Module):
    """An LSTM with an answer and a value for every step."""

    def __init__(self, units=32):
        super().__init__()
        self.lstm = cw.LSTM(3, units)
        self.answer = nn.Linear(units, 2)
        self.value = nn.Linear(units, 1)

    def forward(self, seen, state, began):
        """For what was seen `[T, B, 3]`, with marks `[T, B]` where episodes began."""
        y, state = self.lstm(seen, state, reset=began)
        return Categorical(logits=self.answer(y)), self.value(y)[..., 0], state


def rollout(agent, signs, state, steps):
    """Some steps of all rows: what was seen, where episodes began, actions, rewards, ends; and the state after them."""
    record = []
    with torch.no_grad():
        for _ in range(steps):
            seen, began = signs.seen(), signs.new
            choice, value, state = agent(seen[None], state, began[None])
            action = choice.sample()[0]
            reward, ended = signs.act(action)
            record.append((seen, began, action, choice.log_prob(action)[0], value[0], reward, ended))
    return [torch.stack(each) for each in zip(*record, strict=True)], state


def returns_of(reward, ended, after, discount=0.95):
    """What each step will have brought by the end of its episode; behind the last step, what the agent expects."""
    total, found = after, []
    for each, end in zip(reward.flip(0), ended.flip(0), strict=True):
        total = each + discount * total * ~end
        found.append(total)
    return torch.stack(found).flip(0)


def main(rounds=40, rows=64, steps=32):
    """Train; the share of right answers in the first and in the last rounds."""
    torch.manual_seed(0)
    agent, signs = Agent(), Signs(rows)
    optimizer = torch.optim.Adam(agent.parameters(), lr=1e-2)
    state = tuple(torch.zeros(1, rows, agent.lstm.hidden_size) for _ in range(2))
    shares = []
    for number in range(rounds):
        first = state
        (seen, began, action, before, value, reward, ended), state = rollout(agent, signs, first, steps)
        with torch.no_grad():
            _, after, _ = agent(signs.seen()[None], state, signs.new[None])
        aim = returns_of(reward, ended, after[0])
        advantage = aim - value
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        for _ in range(4):
            choice, value, _ = agent(seen, first, began)  # all episodes of the rollout in one call
            ratio = (choice.log_prob(action) - before).exp()
            gain = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
            loss = 0.5 * (value - aim).square().mean() - gain - 0.01 * choice.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()
        shares.append((reward[ended] > 0).float().mean().item())
        if number % 10 == 9:
            print(f"round {number + 1}: right answers {shares[-1]:.0%}")
    return sum(shares[:3]) / 3, sum(shares[-3:]) / 3


if __name__ == "__main__":
    main()
