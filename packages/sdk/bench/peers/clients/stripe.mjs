import Stripe from "stripe";

export function connect(url) {
  const { hostname: host, port } = new URL(url);
  const stripe = new Stripe("sk_test_1", { host, port, protocol: "http" });
  return { run: () => stripe.paymentIntents.create({ amount: 100, currency: "usd" }) };
}
